"""The sources of "Needs attention" about videos, registered in siteconfig.attention; one module
per source."""

from __future__ import annotations

from siteconfig.attention import register_source
from videos.attention import (
    disks,
    failed_videos,
    full_storage,
    reports,
    reviews,
    stalled_uploads,
    stuck_jobs,
)


def register_sources() -> None:
    for module in (
        reports,
        reviews,
        disks,
        failed_videos,
        stuck_jobs,
        stalled_uploads,
        full_storage,
    ):
        register_source(module.SOURCE)
