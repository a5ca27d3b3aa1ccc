"""What pages show of playlists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from django.db.models import Q

from clipset.lib.keyset import decode_cursor, encode_cursor
from videos.models import Playlist, PlaylistEntry, Video
from videos.selectors.cards import cards
from videos.selectors.feed import PAGE_SIZE, FeedPage

if TYPE_CHECKING:
    from accounts.models import User

MOST_CHOICES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistChoice:
    """A playlist that one may put something into."""

    short_id: str
    title: str


def own_playlists(user: User) -> list[PlaylistChoice]:
    """The member's own, the one that was changed last first. One query."""
    rows = Playlist.objects.filter(made_by=user).values_list("short_id", "title")[:MOST_CHOICES]
    return [PlaylistChoice(short_id=short_id, title=title) for short_id, title in rows]


def playlist_page(playlist: Playlist, *, viewer: User, after: str) -> FeedPage:
    """The cards behind the cursor `after` (the first ones for "" and for nonsense), in the
    playlist's order, of the videos that the viewer may see.

    One query, and one more for the progress of what is unfinished.
    """
    entries = PlaylistEntry.objects.filter(
        playlist=playlist, video__in=Video.objects.visible_to(viewer)
    )
    place = _place(after)
    if place is not None:
        position, last = place
        entries = entries.filter(
            Q(position__gt=position) | Q(position=position, pk__gt=last), position__gte=position
        )
    rows = list(
        entries.select_related("video__uploaded_by", "video__category").order_by("position", "pk")[
            : PAGE_SIZE + 1
        ]
    )
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = "?" + urlencode({"after": encode_cursor((rows[-1].position, rows[-1].pk))})
    return FeedPage(cards=cards(row.video for row in rows), next_url=next_url)


def _place(after: str) -> tuple[int, int] | None:
    values = decode_cursor(after) if after else None
    if values is None or len(values) != 2:
        return None
    position, last = values
    return (position, last) if isinstance(position, int) and isinstance(last, int) else None
