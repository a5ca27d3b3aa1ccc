"""The playlist beside the player: the videos before and after the one that is watched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q

from videos.models import Playlist, PlaylistEntry, Video
from videos.querysets import outside_trash_q, present_q
from videos.selectors.cards import VideoCard, cards
from videos.selectors.playlists import in_playlist

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from videos.querysets import PlaylistEntryQuerySet

# Videos that are shown before and after the current one, however long the playlist is.
BEFORE: Final = 10
AFTER: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class UpNext:
    """A part of a playlist around the current video.

    `cards` are the videos around it. The current one is number `number` of `count`, the first card
    is number `first`. `next` and `previous` are the nearest playable videos, `start` is the first
    playable one of all; each is None if there is none besides the current one.
    """

    playlist: Playlist
    current: str  # short id
    cards: list[VideoCard]
    first: int
    number: int
    count: int
    previous: VideoCard | None
    next: VideoCard | None
    start: VideoCard | None

    @property
    def upcoming(self) -> VideoCard | None:
        """The video that follows at the end of this one: after the last one, the first."""
        return self.next or self.start

    @property
    def later(self) -> int:
        """The number of videos behind the last card."""
        return self.count - (self.first - 1) - len(self.cards)


def up_next(short_id: str, *, video: Video, viewer: User) -> UpNext | None:
    """The playlist with this short id around `video`.

    None, after one query, if there is no such playlist or the video is not in it. Otherwise five
    queries, one for what the viewer has seen, one for the progress of unfinished videos, and two
    more if nothing near can be played; the number does not grow with the playlist.
    """
    found = PlaylistEntry.objects.filter(
        present_q("playlist__"),
        outside_trash_q("playlist__made_by__"),
        playlist__short_id=short_id,
        video=video,
    )
    entry = found.select_related("playlist__made_by").first()
    if entry is None:
        return None
    playlist = entry.playlist
    entry.video = video  # has everything that a card needs
    visible = playlist.entries.visible_to(viewer)
    related = visible.select_related("video__uploaded_by", "video__category")
    ahead = related.ahead_of(entry.position, entry.pk).in_order().reverse()
    behind = related.behind(entry.position, entry.pk).in_order()
    earlier, later = list(ahead[:BEFORE])[::-1], list(behind[:AFTER])
    number, count = _number_of(entry, visible)
    shown = [*earlier, entry, *later]
    ends = {
        "previous": _nearest(earlier[::-1], ahead, BEFORE),
        "next": _nearest(later, behind, AFTER),
        "start": _start(related, video),
    }
    card_of = _cards(playlist, [*shown, *(end for end in ends.values() if end)], viewer)
    return UpNext(
        playlist=playlist,
        current=video.short_id,
        cards=[card_of[one.pk] for one in shown],
        first=number - len(earlier),
        number=number,
        count=count,
        **{name: card_of[end.pk] if end else None for name, end in ends.items()},
    )


def _number_of(entry: PlaylistEntry, visible: PlaylistEntryQuerySet) -> tuple[int, int]:
    """The number of the entry among those that the viewer sees, from 1, and how many those are."""
    before = Q(position__lt=entry.position) | Q(position=entry.position, pk__lt=entry.pk)
    counted = visible.aggregate(all=Count("pk"), before=Count("pk", filter=before))
    return counted["before"] + 1, counted["all"]


def _nearest(
    shown: list[PlaylistEntry], beyond: PlaylistEntryQuerySet, limit: int
) -> PlaylistEntry | None:
    """The first playable entry. A query only if it may be beyond the `limit` that is shown."""
    found = next((entry for entry in shown if entry.video.is_ready), None)
    if found is None and len(shown) == limit:
        found = beyond.finished().first()
    return found


def _start(entries: PlaylistEntryQuerySet, video: Video) -> PlaylistEntry | None:
    """The first playable entry of the playlist, unless that is the current video."""
    first = entries.finished().in_order().first()
    return None if first is None or first.video_id == video.pk else first


def _cards(
    playlist: Playlist, entries: Iterable[PlaylistEntry], viewer: User
) -> dict[int, VideoCard]:
    """Cards by the entry's id; their addresses play the video in the playlist."""
    by_id = {entry.pk: entry for entry in entries}
    found = cards((entry.video for entry in by_id.values()), viewer=viewer, likes={})
    return {
        pk: replace(card, url=in_playlist(card.url, playlist))
        for pk, card in zip(by_id, found, strict=True)
    }
