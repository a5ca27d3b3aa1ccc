"""The tables of removals, and due removals for the sources of videos that failed before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

KEEP_FAILED_SOURCE = timedelta(days=14)
MAX_BATCH = 500


def request_removals_of_failed_sources(apps: Any, _schema_editor: Any) -> None:
    """Sources were kept for 14 days after the last change of their row. One that waits for nothing
    else gets a day more, so that the upgrade itself removes nothing."""
    removal = apps.get_model("videos", "Removal")
    now = django.utils.timezone.now()
    failed = apps.get_model("videos", "Video").objects.filter(processing_status="FAILED")
    rows = []
    named = failed.exclude(source_key="")
    for pk, root, key, changed in named.values_list(
        "pk", "source_root", "source_key", "updated_at"
    ).iterator():
        due_at = max(changed + KEEP_FAILED_SOURCE, now + timedelta(days=1))
        rows.append(
            removal(
                root=root,
                key=key,
                video_id=pk,
                reason="FAILED",
                due_at=due_at,
                next_try_at=due_at,
            )
        )
    removal.objects.bulk_create(rows, batch_size=MAX_BATCH, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("videos", "0023_named_storage_roots"),
    ]

    operations = [
        migrations.CreateModel(
            name="VideoDeletion",
            fields=[
                (
                    "video",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="deletion",
                        serialize=False,
                        to="videos.video",
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "video_deletions",
            },
        ),
        migrations.AddField(
            model_name="video",
            name="is_refused",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="It failed because of what was sent, so that only staff can try again.",
            ),
        ),
        migrations.CreateModel(
            name="Removal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "root",
                    models.CharField(help_text="The name of a storage root.", max_length=50),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Where the file is, relative to its root.", max_length=300
                    ),
                ),
                (
                    "video_id",
                    models.UUIDField(help_text="The video it belonged to, if any.", null=True),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("DELETED", "Its video was deleted"),
                            ("REPLACED", "Replaced by another file"),
                            ("PROCESSED", "Its source was processed"),
                            ("FAILED", "Source of a video that failed"),
                            ("PRUNED", "Original that was kept for long enough"),
                            ("UPLOAD_ENDED", "Its upload ended"),
                        ],
                        max_length=12,
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("taken_until", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, default="", max_length=300)),
            ],
            options={
                "db_table": "removals",
                "ordering": ["next_try_at", "id"],
                "indexes": [
                    models.Index(fields=["next_try_at", "id"], name="removals_next"),
                    models.Index(fields=["video_id"], name="removals_by_video"),
                    models.Index(
                        condition=models.Q(("taken_until__isnull", False)),
                        fields=["taken_until"],
                        name="removals_taken",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("root", "key"), name="removals_one_a_file"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "reason__in",
                                [
                                    "DELETED",
                                    "REPLACED",
                                    "PROCESSED",
                                    "FAILED",
                                    "PRUNED",
                                    "UPLOAD_ENDED",
                                ],
                            )
                        ),
                        name="removals_reason_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("key", ""), _negated=True), name="removals_name_a_file"
                    ),
                ],
            },
        ),
        migrations.RunPython(request_removals_of_failed_sources, migrations.RunPython.noop),
    ]
