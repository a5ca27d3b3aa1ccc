"""Watching a video in a playlist: `?playlist=` with its short id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from clipset.lib.ids import SHORT_ID_PATTERN
from videos.selectors.up_next import Queue, queue_of

if TYPE_CHECKING:
    from clipset.lib.requests import MemberRequest
    from videos.models import Video


def asked_playlist(request: MemberRequest) -> str:
    """The short id; "" where there is none, or nothing that could be one."""
    asked = request.GET.get("playlist", "")
    return asked if re.fullmatch(SHORT_ID_PATTERN, asked) else ""


def asked_queue(request: MemberRequest, video: Video) -> Queue | None:
    """None where none is asked for, or it is not there: then the video plays alone."""
    short_id = asked_playlist(request)
    return queue_of(short_id, video=video, viewer=request.user) if short_id else None


def watch_address(request: MemberRequest, video: Video) -> str:
    """Back to the video, in the playlist in which it is watched."""
    short_id = asked_playlist(request)
    return video.get_absolute_url() + (f"?playlist={short_id}" if short_id else "")
