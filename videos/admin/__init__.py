"""The admin pages of videos, jobs, uploads, removals, playlists and comments."""

from videos.admin.comment import CommentAdmin
from videos.admin.job import JobAdmin
from videos.admin.playlist import PlaylistAdmin
from videos.admin.removal import RemovalAdmin
from videos.admin.upload import UploadAdmin
from videos.admin.video import VideoAdmin

__all__ = [
    "CommentAdmin",
    "JobAdmin",
    "PlaylistAdmin",
    "RemovalAdmin",
    "UploadAdmin",
    "VideoAdmin",
]
