"""The one row, with the limits that the settings hold at this moment."""

from django.conf import settings
from django.db import migrations


def make_row(apps, schema_editor):
    apps.get_model("siteconfig", "Config").objects.get_or_create(
        pk=1,
        defaults={
            "max_file_size_bytes": settings.MAX_FILE_SIZE_BYTES,
            "weekly_upload_limit_bytes": settings.WEEKLY_UPLOAD_LIMIT_BYTES,
            "video_storage_path": str(settings.VIDEO_STORAGE_PATH),
        },
    )


class Migration(migrations.Migration):
    dependencies = [("siteconfig", "0001_initial")]

    operations = [migrations.RunPython(make_row, migrations.RunPython.noop)]
