"""The words of the audit log for videos and what members do with them."""

from __future__ import annotations

from typing import Final

from siteconfig.audit_words import Kind, register_kind
from videos.enums import ReportAct

VIDEOS: Final = Kind(
    plural="Videos",
    model="videos.Video",
    acts={
        "hide": ("Hide", "Hid the video “%(name)s”"),
        "unhide": ("Unhide", "Unhid the video “%(name)s”"),
        "edit": ("Edit", "Edited the video “%(name)s”"),
        "move": ("Move", "Moved the video “%(name)s”"),
        "trash": ("Move to trash", "Moved the video “%(name)s” to the trash"),
        "restore": ("Restore", "Restored the video “%(name)s” from the trash"),
        "delete": ("Delete for good", "Deleted the video “%(name)s” for good"),
        "retry": ("Retry", "Retried processing of the video “%(name)s”"),
        "cancel": ("Cancel", "Canceled processing of the video “%(name)s”"),
        "enrich": ("Create renditions", "Queued missing renditions of the video “%(name)s”"),
        "thumbnail": ("Change thumbnail", "Changed the thumbnail of the video “%(name)s”"),
        "add_caption": ("Add captions", "Added captions to the video “%(name)s”"),
        "rename_caption": ("Rename captions", "Renamed captions of the video “%(name)s”"),
        "default_caption": ("Default captions", "Chose the captions of the video “%(name)s”"),
        "remove_caption": ("Remove captions", "Removed captions of the video “%(name)s”"),
        "restore_caption": ("Restore captions", "Restored captions of the video “%(name)s”"),
        "publish_caption": ("Publish captions", "Published captions of the video “%(name)s”"),
        "restore_backup": ("Restore from backup", "Restored the video “%(name)s” from a backup"),
        "reset_thumbnail": ("Reset thumbnail", "Reset the thumbnail of the video “%(name)s”"),
        "keep_hidden": ("Keep hidden", "Kept the video “%(name)s” hidden"),
    },
    labels={
        "is_hidden": "Hidden",
        "hidden_reason": "Reason",
        "hidden_text": "Explanation",
        "category": "Category",
        "is_trashed": "In the trash",
    },
    unseen=frozenset({"category_id", "thumbnail_wanted_at"}),
)
COMMENTS: Final = Kind(
    plural="Comments",
    model="videos.Comment",
    acts={
        "delete": ("Delete", "Deleted a comment: “%(name)s”"),
        "restore": ("Restore", "Restored a comment: “%(name)s”"),
        "hide": ("Hide", "Hid a comment: “%(name)s”"),
        "unhide": ("Unhide", "Unhid a comment: “%(name)s”"),
    },
    labels={
        "deleted_at": "Deleted",
        "is_hidden": "Hidden",
        "hidden_reason": "Reason",
        "hidden_text": "Explanation",
    },
)
REPORTS: Final = Kind(
    plural="Reports",
    model="videos.Report",
    acts={
        "resolve": ("Resolve", "Resolved a report about “%(name)s”"),
        "reject": ("Reject", "Rejected a report about “%(name)s”"),
        "reopen": ("Reopen", "Reopened a report about “%(name)s”"),
    },
    values={"act": {act.value: str(act.label) for act in ReportAct}},
)
PLAYLISTS: Final = Kind(
    plural="Playlists",
    model="videos.Playlist",
    acts={
        "edit": ("Edit", "Edited the playlist “%(name)s”"),
        "delete": ("Delete", "Deleted the playlist “%(name)s”"),
        "restore": ("Restore", "Restored the playlist “%(name)s”"),
    },
)
GUEST_LINKS: Final = Kind(
    plural="Guest links",
    model="videos.GuestLink",
    acts={
        "create": ("Create", "Created a guest link to “%(name)s”"),
        "revoke": ("Revoke", "Revoked a guest link to “%(name)s”"),
        "restore": ("Restore", "Restored a guest link to “%(name)s”"),
    },
)
UPLOADS: Final = Kind(
    plural="Uploads",
    model="videos.Upload",
    acts={"end": ("End", "Ended the upload “%(name)s”")},
)

SET_ASIDE: Final = Kind(
    plural="Set-aside files",
    acts={
        "prune": ("Delete for good", "Deleted set-aside files for good"),
        "restore": ("Restore", "Restored the set-aside file %(name)s"),
    },
)
SAMPLE_DATA: Final = Kind(
    plural="Sample data",
    acts={
        "create": ("Create", "Created sample data"),
        "remove": ("Remove", "Removed sample data"),
    },
)


def register_words() -> None:
    register_kind("video", VIDEOS)
    register_kind("comment", COMMENTS)
    register_kind("report", REPORTS)
    register_kind("playlist", PLAYLISTS)
    register_kind("guest_link", GUEST_LINKS)
    register_kind("upload", UPLOADS)
    register_kind("set_aside", SET_ASIDE)
    register_kind("sample_data", SAMPLE_DATA)
