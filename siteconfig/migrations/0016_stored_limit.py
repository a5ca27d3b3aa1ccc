"""The storage limit of members: off on a site that has members, ten weekly limits on a new one."""

from django.conf import settings
from django.db import migrations, models

WEEKS = 10


def limit_new_site(apps, schema_editor):
    if apps.get_model("accounts", "User").objects.exists():
        return
    configs = apps.get_model("siteconfig", "Config").objects
    configs.update(stored_limit_bytes=WEEKS * models.F("weekly_upload_limit_bytes"))


class Migration(migrations.Migration):
    dependencies = [
        ("siteconfig", "0015_rows_put_away"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="config",
            name="stored_limit_bytes",
            field=models.BigIntegerField(
                blank=True,
                help_text="How much the files of a member's videos may take on the site's disks, in bytes. Empty for no limit. Can be overridden per member; admins have no limit.",
                null=True,
                verbose_name="storage limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="config",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("stored_limit_bytes__isnull", True),
                    ("stored_limit_bytes__gte", 0),
                    _connector="OR",
                ),
                name="config_stored_limit_positive",
                violation_error_message="The storage limit can't be negative.",
            ),
        ),
        migrations.RunPython(limit_new_site, migrations.RunPython.noop),
    ]
