"""An index from which the stored bytes of each member are summed."""

from django.db import migrations, models


def count_index(apps, schema_editor):
    # Until it knows the new index, SQLite would take it for the feed. The schedule that counts
    # all tables runs once a day.
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("ANALYZE videos")


class Migration(migrations.Migration):
    dependencies = [("videos", "0042_daily_statistics")]

    operations = [
        migrations.AddIndex(
            model_name="video",
            index=models.Index(fields=["uploaded_by", "stored_bytes"], name="videos_stored_by"),
        ),
        migrations.RunPython(count_index, migrations.RunPython.noop),
    ]
