"""Indexes in the order of the lists of staff: all videos, those in the trash, and hidden ones."""

from django.db import migrations, models


def count_indexes(apps, schema_editor):
    # As clipset.database.statistics does daily: until then SQLite would not know the new indexes.
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("ANALYZE videos")
        schema_editor.execute(
            "UPDATE sqlite_stat1 SET stat = stat || ' noskipscan'"
            " WHERE idx IS NOT NULL AND instr(stat, 'noskipscan') = 0"
        )
        schema_editor.execute("ANALYZE sqlite_schema")


class Migration(migrations.Migration):
    dependencies = [("videos", "0044_attention")]

    operations = [
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", True)),
                fields=["-created_at", "-id"],
                name="videos_outside_trash",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("trashed_at__isnull", False)),
                fields=["-created_at", "-id"],
                name="videos_in_trash",
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(("is_hidden", True)),
                fields=["-created_at", "-id"],
                name="videos_hidden",
            ),
        ),
        # Of two indexes that cost the same SQLite takes the newer one, which must be the feed's own.
        migrations.RemoveIndex(model_name="video", name="videos_feed_newest"),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                condition=models.Q(
                    ("is_hidden", False),
                    ("processing_status", "COMPLETED"),
                    ("trashed_at__isnull", True),
                ),
                fields=["-created_at", "-id"],
                name="videos_feed_newest",
            ),
        ),
        migrations.RunPython(count_indexes, migrations.RunPython.noop),
    ]
