"""Videos and the work on them in the admin."""

from videos.admin.job import JobAdmin
from videos.admin.playlist import PlaylistAdmin
from videos.admin.upload import UploadAdmin
from videos.admin.video import VideoAdmin

__all__ = ["JobAdmin", "PlaylistAdmin", "UploadAdmin", "VideoAdmin"]
