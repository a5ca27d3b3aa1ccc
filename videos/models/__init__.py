"""Models of videos and of everything that belongs to one."""

from videos.enums import (
    HiddenReason,
    JobKind,
    JobState,
    NotificationKind,
    ProcessingStatus,
    RemovalReason,
    RenditionLayout,
    ReportAct,
    ReportKind,
    ReportReason,
    ReportState,
    ReviewState,
    UploadState,
    VideoRange,
)
from videos.models.caption import Caption, CaptionWords
from videos.models.comment import Comment
from videos.models.daily_statistics import DailyStatistics
from videos.models.file_hash import FileHash
from videos.models.guest_link import GuestLink
from videos.models.job import Job
from videos.models.like import Like
from videos.models.notification import Notification
from videos.models.playlist import Playlist, PlaylistEntry
from videos.models.removal import Removal, VideoDeletion
from videos.models.rendition import Rendition
from videos.models.report import Report
from videos.models.review_request import ReviewRequest
from videos.models.search import SearchChange, SearchDocument
from videos.models.upload import Upload
from videos.models.video import Video
from videos.models.watch_progress import View, WatchProgress

__all__ = [
    "Caption",
    "CaptionWords",
    "Comment",
    "DailyStatistics",
    "FileHash",
    "GuestLink",
    "HiddenReason",
    "Job",
    "JobKind",
    "JobState",
    "Like",
    "Notification",
    "NotificationKind",
    "Playlist",
    "PlaylistEntry",
    "ProcessingStatus",
    "Removal",
    "RemovalReason",
    "Rendition",
    "RenditionLayout",
    "Report",
    "ReportAct",
    "ReportKind",
    "ReportReason",
    "ReportState",
    "ReviewRequest",
    "ReviewState",
    "SearchChange",
    "SearchDocument",
    "Upload",
    "UploadState",
    "Video",
    "VideoDeletion",
    "VideoRange",
    "View",
    "WatchProgress",
]
