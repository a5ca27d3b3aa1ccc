"""An index in the order of the list of invitations in the admin."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_attention")]

    operations = [
        migrations.AddIndex(
            model_name="invitation",
            index=models.Index(fields=["-created_at", "-id"], name="invitations_by_time"),
        ),
    ]
