"""What was processed before there were renditions has one: its file."""

from pathlib import Path

from django.db import migrations

from videos.transcode.errors import ProcessingError
from videos.transcode.fragments import describe


def add_renditions(apps, schema_editor):
    video_model = apps.get_model("videos", "Video")
    rendition_model = apps.get_model("videos", "Rendition")
    ready = video_model.objects.filter(
        processing_status="COMPLETED", width__isnull=False, height__isnull=False
    )
    for video in ready.iterator():
        path = Path(video.storage_root) / video.filename
        try:
            facts = describe(path)
            size = path.stat().st_size
        except (OSError, ProcessingError):
            continue  # stream.mp4 serves it as before, or says that it is not there
        name = "source" if video.was_copied else f"{min(video.width, video.height)}p"
        rendition_model.objects.get_or_create(
            video=video,
            name=name,
            defaults={
                "root": video.storage_root,
                "filename": video.filename,
                "version": Path(video.filename).stem[-12:],
                "is_complete": True,
                "width": video.width,
                "height": video.height,
                "fps": 30,  # not noted then; a player only shows it
                "codecs": facts.codecs,
                "bandwidth": facts.bandwidth,
                "average_bandwidth": facts.average_bandwidth,
                "duration_seconds": video.duration_seconds or 0,
                "size_bytes": size,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("videos", "0003_pipeline")]
    operations = [migrations.RunPython(add_renditions, migrations.RunPython.noop)]
