"""Every way in which staff change something, and what the audit log then holds.

Each function of ACTS acts through the site or the admin and returns the entries that this must
record. Its decorator names the entry points that it covers, as `tests.entry_points` finds them.
Importing this package loads the modules with the acts.
"""

from tests.audited_acts import (
    attention,
    captions,
    configuration,
    invitations,
    members,
    moderation,
    reports,
    things,
    trash,
    videos,
)
from tests.audited_acts.site import ACTS, COVERED, Entry, Site, logged_in

__all__ = [
    "ACTS",
    "COVERED",
    "Entry",
    "Site",
    "attention",
    "captions",
    "configuration",
    "invitations",
    "logged_in",
    "members",
    "moderation",
    "reports",
    "things",
    "trash",
    "videos",
]
