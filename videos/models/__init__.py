"""The tables of videos and of what is done with them."""

from videos.models.caption import Caption
from videos.models.job import Job
from videos.models.playlist import Playlist, PlaylistEntry
from videos.models.rendition import Rendition
from videos.models.upload import Upload, UploadState
from videos.models.video import ProcessingStatus, Video

__all__ = [
    "Caption",
    "Job",
    "Playlist",
    "PlaylistEntry",
    "ProcessingStatus",
    "Rendition",
    "Upload",
    "UploadState",
    "Video",
]
