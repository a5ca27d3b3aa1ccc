"""Indexes for the attention page: failed videos that can be retried, and jobs that lose leases."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("videos", "0043_stored_bytes_by_member")]

    operations = [
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(
                    ("is_sample", False),
                    ("processing_status", "FAILED"),
                    models.Q(("source_key", ""), _negated=True),
                ),
                fields=["processing_status", "is_refused", "created_at", "id"],
                name="videos_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("losses__gte", 2), ("state__in", ["WAITING", "RUNNING"])),
                fields=["run_after", "id"],
                name="jobs_losing",
            ),
        ),
    ]
