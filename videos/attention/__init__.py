"""The sources of "Needs attention" about videos, registered in siteconfig.attention; one module
per source."""

from __future__ import annotations

from siteconfig.attention import register_source
from videos.attention import disks, failed_videos, stalled_uploads, stuck_jobs


def register_sources() -> None:
    for source in (disks.SOURCE, failed_videos.SOURCE, stuck_jobs.SOURCE, stalled_uploads.SOURCE):
        register_source(source)
