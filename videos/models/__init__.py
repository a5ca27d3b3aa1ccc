"""The tables of videos and of what is done with them."""

from videos.models.caption import Caption
from videos.models.job import Job
from videos.models.rendition import Rendition
from videos.models.search import SearchDocument
from videos.models.share import GuestLink
from videos.models.upload import Upload
from videos.models.video import ProcessingStatus, Video

__all__ = ["Caption", "GuestLink", "Job", "ProcessingStatus", "Rendition", "SearchDocument", "Upload", "Video"]
