"""The trash: deleted videos are kept for a while and can be restored (decision 22)."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("categories", "0002_texts"),
        ("videos", "0036_original_quality"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="video",
            name="trashed_at",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="in the trash since"
            ),
        ),
        migrations.AddField(
            model_name="video",
            name="trashed_by",
            field=models.ForeignKey(
                blank=True,
                db_column="trashed_by",
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="video",
            name="was_trashed_with_member",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="It was put into the trash with its uploader, and is restored with them.",
            ),
        ),
        migrations.AddField(
            model_name="videodeletion",
            name="is_for_good",
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name="video",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("trashed_at__isnull", False),
                    models.Q(("trashed_by__isnull", True), ("was_trashed_with_member", False)),
                    _connector="OR",
                ),
                name="videos_trash_has_a_time",
            ),
        ),
    ]
