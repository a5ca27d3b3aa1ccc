"""The tables of videos and of what is done with them."""

from videos.models.job import Job
from videos.models.upload import Upload
from videos.models.video import ProcessingStatus, Video

__all__ = ["Job", "ProcessingStatus", "Upload", "Video"]
