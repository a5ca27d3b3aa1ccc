"""Where a session was last used from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_invitations_by_time")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="address",
            field=models.CharField(blank=True, db_default="", default="", max_length=45),
        ),
    ]
