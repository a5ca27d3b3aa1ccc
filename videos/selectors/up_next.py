"""The playlist beside the player: what comes before and after the video that is watched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q

from videos.models import Playlist, PlaylistEntry, Video
from videos.querysets import present_q
from videos.selectors.cards import VideoCard, cards
from videos.selectors.playlists import in_playlist

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from videos.querysets import PlaylistEntryQuerySet

# How many are shown around the current one, however long the playlist is.
BEFORE: Final = 10
AFTER: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """`cards` are those around the current one, which is number `number` of `count`; the first of
    them is number `first`. `next` and `previous` are the nearest that can be played, `start` is
    the first one of all; each is None where there is none but the current one."""

    playlist: Playlist
    current: str  # its short id
    cards: list[VideoCard]
    first: int
    number: int
    count: int
    previous: VideoCard | None
    next: VideoCard | None
    start: VideoCard | None

    @property
    def upcoming(self) -> VideoCard | None:
        """For the end of the video; after the last one it is the beginning."""
        return self.next or self.start

    @property
    def later(self) -> int:
        """How many there are behind those that are shown."""
        return self.count - (self.first - 1) - len(self.cards)


def queue_of(short_id: str, *, video: Video, viewer: User) -> Queue | None:
    """None where there is no such playlist, or the video is not in it (any more).

    One query then, else five, one for what the viewer has seen of them, and one for the progress
    of what is unfinished; two more where nothing near can be played. However long the playlist is.
    """
    found = PlaylistEntry.objects.filter(
        present_q("playlist__"), playlist__short_id=short_id, video=video
    )
    entry = found.select_related("playlist__made_by").first()
    if entry is None:
        return None
    playlist = entry.playlist
    seen = playlist.entries.visible_to(viewer)
    seen = seen.select_related("video__uploaded_by", "video__category")
    ahead, behind = (
        seen.ahead_of(entry.position, entry.pk).in_order().reverse(),
        seen.behind(entry.position, entry.pk).in_order(),
    )
    earlier, later = list(ahead[:BEFORE])[::-1], list(behind[:AFTER])
    before = Q(position__lt=entry.position) | Q(position=entry.position, pk__lt=entry.pk)
    counted = playlist.entries.visible_to(viewer).aggregate(
        all=Count("pk"), before=Count("pk", filter=before)
    )
    number = counted["before"] + 1
    shown = [*earlier, _with(entry, video), *later]
    ends = {
        "previous": _nearest(earlier[::-1], ahead, BEFORE),
        "next": _nearest(later, behind, AFTER),
        "start": _start(seen, video),
    }
    card_of = _cards(playlist, [*shown, *(end for end in ends.values() if end)], viewer)
    return Queue(
        playlist=playlist,
        current=video.short_id,
        cards=[card_of[one.pk] for one in shown],
        first=number - len(earlier),
        number=number,
        count=counted["all"],
        **{name: card_of[end.pk] if end else None for name, end in ends.items()},
    )


def _with(entry: PlaylistEntry, video: Video) -> PlaylistEntry:
    """The video came with all that a card wants to know."""
    entry.video = video
    return entry


def _nearest(
    shown: list[PlaylistEntry], all_: PlaylistEntryQuerySet, most: int
) -> PlaylistEntry | None:
    """The first that can be played; asked for only where it may lie beyond what is shown."""
    found = next((entry for entry in shown if entry.video.is_ready), None)
    if found is None and len(shown) == most:
        found = all_.finished().first()
    return found


def _start(seen: PlaylistEntryQuerySet, video: Video) -> PlaylistEntry | None:
    first = seen.finished().in_order().first()
    return None if first is None or first.video_id == video.pk else first


def _cards(
    playlist: Playlist, entries: Iterable[PlaylistEntry], viewer: User
) -> dict[int, VideoCard]:
    """By the entry's id."""
    by_id = {entry.pk: entry for entry in entries}
    found = cards((entry.video for entry in by_id.values()), viewer=viewer, likes={})
    return {
        pk: replace(card, url=in_playlist(card.url, playlist))
        for pk, card in zip(by_id, found, strict=True)
    }
