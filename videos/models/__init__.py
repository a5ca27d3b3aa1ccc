"""The tables of videos and of what is done with them."""

from videos.models.caption import Caption
from videos.models.job import Job
from videos.models.rendition import Rendition
from videos.models.upload import Upload
from videos.models.video import ProcessingStatus, Video
from videos.models.watching import View, WatchPosition

__all__ = [
    "Caption",
    "Job",
    "ProcessingStatus",
    "Rendition",
    "Upload",
    "Video",
    "View",
    "WatchPosition",
]
