"""Updates of the cards of unfinished videos, for pages that poll."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode
from zlib import crc32

from django.urls import reverse
from django.utils import timezone

from videos.models import Video
from videos.selectors.cards import VideoCard, cards
from videos.selectors.watch import POLL_FOR, poll_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accounts.models import User

MAX_POLLED: Final = 36  # videos that a page polls for: a list and the shelf above it


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """The address that a page polls, and how often in seconds; None if it no longer polls."""

    url: str
    every: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChanges:
    """The cards that differ from what the page shows.

    `ended` are those of `changed` that are ready or failed. `poll` is None if nothing is being
    processed.
    """

    changed: list[VideoCard]
    ended: list[VideoCard]
    poll: Poll | None


def poll_of(shown: Iterable[VideoCard], *, since: datetime | None = None) -> Poll | None:
    """How a page with these cards polls, which it has done since `since`; None if all cards are
    final.

    The address contains a checksum of each card, so that unchanged cards are not sent again.
    """
    processing = [card for card in shown if card.is_changing][:MAX_POLLED]
    if not processing:
        return None
    now = timezone.now()
    since = min(since, now) if since else now
    video_files = [("video", f"{card.short_id}.{_look(card)}") for card in processing]
    query = urlencode([*video_files, ("since", int(since.timestamp()))])
    age = now - since  # of the page
    every = poll_seconds(age, [card.progress for card in processing]) if age < POLL_FOR else None
    return Poll(url=f"{reverse('processing_cards')}?{query}", every=every)


def card_changes(
    video_files: Iterable[str], *, viewer: User, since: datetime | None
) -> CardChanges:
    """The changes of the cards that `poll_of` put into the address, as far as the viewer may see
    them. Two queries.
    """
    looks = dict(
        video_file.replace("\x00", "").split(".", 1)
        for video_file in video_files
        if "." in video_file
    )
    named = list(looks)[:MAX_POLLED]
    videos = Video.objects.visible_to(viewer).filter(short_id__in=named).for_cards()
    found = cards(videos, viewer=viewer, likes={}, watched={})
    # A video that became ready is shown together with its thumbnail, some tenths of a second later.
    changed = [
        card for card in found if not card.awaits_thumbnail and _look(card) != looks[card.short_id]
    ]
    return CardChanges(
        changed=changed,
        ended=[card for card in changed if not card.is_processing],
        poll=poll_of(found, since=since),
    )


def _look(card: VideoCard) -> str:
    shown = card.progress
    told = (shown.percent, shown.seconds_left, shown.waits_for_room) if shown else None
    return (
        f"{crc32(repr((card.state, card.awaits_thumbnail, card.thumbnail_url, told)).encode()):x}"
    )
