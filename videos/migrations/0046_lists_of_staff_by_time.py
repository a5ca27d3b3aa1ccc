"""Indexes in the order of the lists of jobs, open uploads and playlists in the admin."""

from django.db import migrations, models


def count_indexes(apps, schema_editor):
    # As clipset.database.statistics does daily: until then SQLite would not know the new indexes.
    if schema_editor.connection.vendor == "sqlite":
        for table in ("jobs", "uploads", "playlists", "renditions"):
            schema_editor.execute(f"ANALYZE {table}")
        schema_editor.execute(
            "UPDATE sqlite_stat1 SET stat = stat || ' noskipscan'"
            " WHERE idx IS NOT NULL AND instr(stat, 'noskipscan') = 0"
        )
        schema_editor.execute("ANALYZE sqlite_schema")


class Migration(migrations.Migration):
    dependencies = [("videos", "0045_lists_of_staff")]

    operations = [
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["-created_at", "-id"], name="jobs_by_time"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["state", "-created_at", "-id"], name="jobs_of_a_state"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["kind", "-created_at", "-id"], name="jobs_of_a_kind"),
        ),
        migrations.AddIndex(
            model_name="upload",
            index=models.Index(
                condition=models.Q(("state", "OPEN")),
                fields=["-created_at", "-id"],
                name="uploads_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="playlist",
            index=models.Index(
                condition=models.Q(("deleted_at__isnull", True)),
                fields=["-updated_at", "-id"],
                name="playlists_by_time",
            ),
        ),
        migrations.AddIndex(
            model_name="rendition",
            index=models.Index(
                condition=models.Q(("is_complete", True), ("layout", "UNFIT")),
                fields=["id"],
                name="renditions_unfit",
            ),
        ),
        migrations.RunPython(count_indexes, migrations.RunPython.noop),
    ]
