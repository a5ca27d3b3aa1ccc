"""The admin pages of videos and of what belongs to them, and the statistics."""

from videos.admin.comment import CommentAdmin
from videos.admin.job import JobAdmin
from videos.admin.member import member_section
from videos.admin.playlist import PlaylistAdmin
from videos.admin.removal import RemovalAdmin
from videos.admin.report import ReportAdmin
from videos.admin.statistics import DailyStatisticsAdmin
from videos.admin.upload import UploadAdmin
from videos.admin.video import VideoAdmin

__all__ = [
    "CommentAdmin",
    "DailyStatisticsAdmin",
    "JobAdmin",
    "PlaylistAdmin",
    "RemovalAdmin",
    "ReportAdmin",
    "UploadAdmin",
    "VideoAdmin",
    "member_section",
]
