"""Whether staff need a second factor, and how long they have to set it up."""

import django.core.validators
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("siteconfig", "0016_stored_limit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="config",
            name="second_factor_grace_days",
            field=models.PositiveSmallIntegerField(
                default=14,
                help_text="Counted from the moment it is required: from turning it on, from a change of this number, or from becoming a moderator or an admin (0 to 90).",
                validators=[
                    django.core.validators.MaxValueValidator(90, "Must be 90 days or less.")
                ],
                verbose_name="days to set up the second factor",
            ),
        ),
        migrations.AddField(
            model_name="config",
            name="staff_need_second_factor",
            field=models.BooleanField(
                default=False,
                help_text="Moderators and admins have to set up an authenticator app or a passkey. Those without one see the date on every page, and after it only the page that sets it up.",
                verbose_name="second factor for staff",
            ),
        ),
        migrations.AddConstraint(
            model_name="config",
            constraint=models.CheckConstraint(
                condition=models.Q(("second_factor_grace_days__range", (0, 90))),
                name="config_grace_days_in_range",
            ),
        ),
    ]
