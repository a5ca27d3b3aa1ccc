"""Where a session was last used from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_changes_of_accounts")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="address",
            field=models.CharField(blank=True, db_default="", default="", max_length=45),
        ),
    ]
