"""Statuses, states, kinds and reasons that the tables of videos store."""

from __future__ import annotations

from typing import Final

from django.db import models

# Stands for the time of the frame that is right for most videos: at 1 s, or the next one that is
# not black.
AUTOMATIC_FRAME: Final = -1.0


class ProcessingStatus(models.TextChoices):
    """Where a video is on its way to be watchable."""

    PENDING = "PENDING", "Queued"
    PROCESSING = "PROCESSING", "Processing"
    COMPLETED = "COMPLETED", "Ready"
    FAILED = "FAILED", "Failed"


class UploadState(models.TextChoices):
    """OPEN takes bytes; FINISHED became a video; ENDED was cancelled or expired."""

    OPEN = "OPEN", "Uploading"
    FINISHED = "FINISHED", "Complete"
    ENDED = "ENDED", "Cancelled"


class JobKind(models.TextChoices):
    """PUBLISH reads the source and publishes it if it needs no encoding; ENCODE makes the video
    watchable otherwise; ENRICH adds smaller renditions and the storyboard."""

    PUBLISH = "PUBLISH", "Publishing"
    ENCODE = "ENCODE", "Encoding"
    ENRICH = "ENRICH", "Extra sizes and previews"


class JobState(models.TextChoices):
    """WAITING -> RUNNING (leased) -> DONE or FAILED."""

    WAITING = "WAITING", "Queued"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"


class RenditionLayout(models.TextChoices):
    """The layout of a rendition's file. FRAGMENTED -> FINALISING -> ORDINARY or UNFIT.

    While it is FINALISING, its size and hash are unknown. UNFIT: it cannot be finalised, and stays
    as it is.
    """

    FRAGMENTED = "FRAGMENTED", "Fragmented"
    FINALISING = "FINALISING", "Being finalized"
    ORDINARY = "ORDINARY", "Ordinary"
    UNFIT = "UNFIT", "Can't be finalized"


class VideoRange(models.TextChoices):
    """The dynamic range of a rendition, as HLS names it (EXT-X-STREAM-INF, VIDEO-RANGE)."""

    SDR = "SDR", "Standard"
    PQ = "PQ", "HDR (PQ)"
    HLG = "HLG", "HDR (HLG)"


class NotificationKind(models.TextChoices):
    """The event that a notification tells a member about."""

    REPLIED = "REPLIED", "Replied"
    COMMENTED = "COMMENTED", "Commented"
    PROCESSED = "PROCESSED", "Ready"
    FAILED = "FAILED", "Failed"
    ANSWERED = "ANSWERED", "Report handled"
    MODERATED = "MODERATED", "Message from the moderators"
    HIDDEN = "HIDDEN", "Hidden"  # a video, or a comment
    UNHIDDEN = "UNHIDDEN", "Unhidden"
    KEPT = "KEPT", "Stays hidden"  # after its uploader asked for a review
    ACCOUNT = "ACCOUNT", "Account"  # a change of its password, address and the like


class HiddenReason(models.TextChoices):
    """Why staff hid a video or a comment of somebody else."""

    NOT_FOR_GROUP = "NOT_FOR_GROUP", "Not for this group"
    PRIVACY = "PRIVACY", "Copyright or privacy"
    PERSON = "PERSON", "Someone in it doesn't want to be"
    HARASSMENT = "HARASSMENT", "Harassment"
    OTHER = "OTHER", "Something else"


class ReviewState(models.TextChoices):
    """OPEN until a moderator unhides the video (UNHIDDEN) or keeps it hidden (KEPT)."""

    OPEN = "OPEN", "Open"
    UNHIDDEN = "UNHIDDEN", "Unhidden"
    KEPT = "KEPT", "Kept hidden"


class ReportKind(models.TextChoices):
    """What a report is about."""

    VIDEO = "VIDEO", "Video"
    COMMENT = "COMMENT", "Comment"
    MEMBER = "MEMBER", "Member"


class ReportReason(models.TextChoices):
    """Why a member reports something. OTHER needs a text.

    These mean what those of HiddenReason do, but in the words of the reporter: uploaders read those
    of HiddenReason, which must not say who reported.
    """

    UNFIT = "UNFIT", "Not for this group"
    RIGHTS = "RIGHTS", "Copyright or privacy"
    PICTURED = "PICTURED", "I'm in it and don't want to be"
    HARASSMENT = "HARASSMENT", "Harassment"
    OTHER = "OTHER", "Something else"


class ReportState(models.TextChoices):
    """OPEN -> RESOLVED (something was done) or REJECTED (nothing is wrong), and back to OPEN."""

    OPEN = "OPEN", "Open"
    RESOLVED = "RESOLVED", "Resolved"
    REJECTED = "REJECTED", "Rejected"


class ReportAct(models.TextChoices):
    """What a moderator does about the reported thing when resolving reports."""

    NONE = "", "Resolve"
    HIDE_VIDEO = "hide_video", "Hide video and resolve"
    DELETE_COMMENT = "delete_comment", "Delete comment and resolve"
    DEACTIVATE = "deactivate", "Deactivate member and resolve"


class RemovalReason(models.TextChoices):
    """Why a stored file is to be removed."""

    DELETED = "DELETED", "Video, upload or member deleted"
    REPLACED = "REPLACED", "Replaced by another file"
    PROCESSED = "PROCESSED", "Source of a processed video"
    FAILED = "FAILED", "Source of a failed video"
    PRUNED = "PRUNED", "Original kept long enough"
    UPLOAD_ENDED = "UPLOAD_ENDED", "Upload ended"
