"""What each member has stored, and their own limit on it. videos.0047 adds it up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_try_counts")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="stored_bytes",
            field=models.BigIntegerField(
                default=0,
                editable=False,
                help_text="Bytes of all files of their videos (videos.services.stored_total).",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="stored_counted_at",
            field=models.DateTimeField(
                editable=False,
                help_text="When that was last added up from the videos.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="stored_limit_bytes",
            field=models.BigIntegerField(
                blank=True,
                help_text="Overrides the site's storage limit for this member. Leave empty to use the site's limit.",
                null=True,
                verbose_name="custom storage limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("stored_limit_bytes__isnull", True),
                    ("stored_limit_bytes__gte", 0),
                    _connector="OR",
                ),
                name="users_stored_limit_positive",
                violation_error_message="The storage limit can't be negative.",
            ),
        ),
    ]
