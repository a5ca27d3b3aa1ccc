"""Indexes for the attention page: failed videos, jobs that lose leases, and stalled uploads."""

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
                condition=models.Q(
                    ("losses__gte", 2),
                    models.Q(("state", "DONE"), _negated=True),
                    models.Q(("state", "FAILED"), _negated=True),
                ),
                fields=["run_after", "id"],
                name="jobs_losing",
            ),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("is_resumable", True), ("state", "OPEN")),
                fields=["touched_at", "id"],
                name="uploads_stalled",
            ),
        ),
    ]
