"""Members in the trash (decision 22)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_texts"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="is_moving",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="A worker still has to move videos of theirs into the trash or out of it.",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="trashed_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="in the trash since"
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="trashed_by",
            field=models.ForeignKey(
                blank=True,
                db_column="trashed_by",
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="was_active",
            field=models.BooleanField(
                default=True,
                editable=False,
                help_text="Whether they were active before they were put into the trash.",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("trashed_at__isnull", True), ("trashed_by__isnull", True)),
                    ("is_active", False),
                    _connector="OR",
                ),
                name="users_in_trash_are_inactive",
                violation_error_message="This member is in the trash. Restore them first.",
            ),
        ),
    ]
