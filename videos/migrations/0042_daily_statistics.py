"""Statistics of each day, and the indexes by which a day is counted."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("videos", "0041_reports"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyStatistics",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("uploads", models.PositiveIntegerField(default=0)),
                ("uploaded_bytes", models.PositiveBigIntegerField(default=0)),
                ("views", models.PositiveIntegerField(default=0)),
                ("comments", models.PositiveIntegerField(default=0)),
                (
                    "failures",
                    models.PositiveIntegerField(
                        default=0, help_text="How often processing failed or was cancelled."
                    ),
                ),
                (
                    "stored_bytes",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="Bytes of all videos when they were measured last.",
                        null=True,
                    ),
                ),
                (
                    "shares",
                    models.JSONField(
                        blank=True,
                        help_text="Of the stored bytes; see Shares.",
                        null=True,
                    ),
                ),
                ("counted_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name": "statistics of a day",
                "verbose_name_plural": "statistics",
                "db_table": "daily_statistics",
                "ordering": ["-day"],
            },
        ),
        migrations.AddIndex(
            model_name="comment",
            index=models.Index(fields=["created_at"], name="comments_by_time"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("state", "FAILED")),
                fields=["finished_at"],
                name="jobs_failed_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="view",
            index=models.Index(fields=["day"], name="views_by_day"),
        ),
    ]
