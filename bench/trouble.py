"""What needs attention on the sites of `bench.pages`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


def add_trouble(count: int, users: list[User], *, now: datetime) -> None:
    """Adds `count` failed videos that can be retried, as many stuck jobs and stalled uploads."""
    from videos.models import Job, Upload, Video

    failed = Video.objects.bulk_create(
        Video(
            title=f"Failed {number}",
            uploaded_by=users[number % len(users)],
            created_at=now - timedelta(days=5, minutes=number),
            filename=f"failed-{number}.mp4",
            source_key=f"{number}.mp4",
            original_filename="a.mp4",
            file_size_bytes=1,
            processing_status="FAILED",
            error_message="Something went wrong while processing this video.",
        )
        for number in range(count)
    )
    Job.objects.bulk_create(Job(video=video, run_after=now, created_at=now) for video in failed)
    Upload.objects.bulk_create(
        Upload(
            user=video.uploaded_by,
            is_resumable=True,
            size_bytes=2,
            quota_bytes=2,
            touched_at=now,
            expires_at=now + timedelta(days=2),
        )
        for video in failed
    )
