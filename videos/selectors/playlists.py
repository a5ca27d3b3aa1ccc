"""Playlists, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Exists, OuterRef, Subquery, Sum, UUIDField
from django.db.models.functions import Coalesce

from clipset.lib.keyset import next_address, parse_cursor
from videos.models import Playlist, PlaylistEntry, Video
from videos.models.playlist import MAX_PLAYLISTS
from videos.selectors.cards import VideoCard, cards, small_thumbnail_url
from videos.selectors.feed import PAGE_SIZE
from videos.selectors.sort_orders import TIME, Descending

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from videos.querysets import PlaylistEntryQuerySet

ROWS: Final = 50
LAST_CHANGED: Final = Descending(column="updated_at", value=TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistChoice:
    """A playlist of the member. `has_it` tells whether the video in question is in it."""

    short_id: str
    title: str
    has_it: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistCard:
    """A playlist in a list. The numbers cover what the viewer may see."""

    title: str
    url: str
    video_count: int
    thumbnail_url: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistCards:
    """A page of playlists; `next_url` is None on the last page."""

    cards: list[PlaylistCard]
    next_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistPage:
    """A page of a playlist's videos; the first one is number `first` of those that the viewer sees.

    The addresses of the cards play the videos in the playlist. `next_url` is None on the last page.
    """

    cards: list[VideoCard]
    first: int
    next_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistFacts:
    """Facts about the videos that the viewer sees.

    `play_url` is the address of the first playable video, "" if there is none; `seconds` is 0 if no
    duration is known.
    """

    video_count: int
    seconds: float
    play_url: str


def own_playlists(user: User) -> list[PlaylistChoice]:
    """The member's playlists, the last changed one first. One query."""
    rows = (
        Playlist.objects.present()
        .filter(made_by=user)
        .values_list("short_id", "title")[:MAX_PLAYLISTS]
    )
    return [PlaylistChoice(short_id=short_id, title=title) for short_id, title in rows]


def choices_for(video: Video, *, user: User) -> list[PlaylistChoice]:
    """The member's playlists by name, each with whether this video is in it. One query.

    The order does not depend on changes, so that a playlist keeps its place after a click.
    """
    has_it = Exists(PlaylistEntry.objects.filter(playlist=OuterRef("pk"), video=video))
    rows = Playlist.objects.present().filter(made_by=user).annotate(has_it=has_it)
    found = rows.values_list("short_id", "title", "has_it")[:MAX_PLAYLISTS]
    choices = [PlaylistChoice(short_id=it[0], title=it[1], has_it=it[2]) for it in found]
    return sorted(choices, key=lambda choice: (choice.title.casefold(), choice.short_id))


def in_playlist(url: str, playlist: Playlist) -> str:
    """The address `url` of a video, in this playlist."""
    return f"{url}?playlist={playlist.short_id}"


def watch_address(video: Video, playlist_id: str = "") -> str:
    """The address of a video, in the playlist with this short id unless that is ""."""
    return video.get_absolute_url() + (f"?playlist={playlist_id}" if playlist_id else "")


def playlist_page(playlist: Playlist, *, viewer: User, after: str) -> PlaylistPage:
    """The videos behind the cursor `after` that the viewer may see, in the order of the playlist.

    A missing or wrong cursor gives the first page. One query, one for the number of the first row
    after the first page, one for what the viewer has watched, and one for the progress of
    unfinished videos.
    """
    seen = playlist.entries.visible_to(viewer)
    position = parse_cursor(after, int, int)
    entries = seen if position is None else seen.behind(*position)
    related = entries.select_related("video__uploaded_by", "video__category")
    rows = list(related.in_order()[: ROWS + 1])
    next_url = None
    if len(rows) > ROWS:
        rows.pop()
        next_url = next_address((rows[-1].position, rows[-1].pk))
    first = 1
    if position is not None and rows:
        first += seen.ahead_of(rows[0].position, rows[0].pk).count()
    found = cards((row.video for row in rows), viewer=viewer, likes={})
    shown = [replace(card, url=in_playlist(card.url, playlist)) for card in found]
    return PlaylistPage(cards=shown, first=first, next_url=next_url)


def playlist_facts(playlist: Playlist, *, viewer: User) -> PlaylistFacts:
    """The facts about a playlist. Two queries."""
    seen = playlist.entries.visible_to(viewer)
    counted = seen.aggregate(all=Count("pk"), seconds=Sum("video__duration_seconds"))
    first = seen.finished().select_related("video").in_order().first()
    return PlaylistFacts(
        video_count=counted["all"],
        seconds=counted["seconds"] or 0,
        play_url=in_playlist(first.video.get_absolute_url(), playlist) if first else "",
    )


def playlist_cards(
    maker: User, *, viewer: User, after: str, parameters: dict[str, str]
) -> PlaylistCards:
    """A member's playlists behind the cursor `after`, the last changed one first.

    Others see only playlists with a video that they may see. `parameters` as in `feed_page`. Two
    queries.
    """
    seen = PlaylistEntry.objects.visible_to(viewer).filter(playlist=OuterRef("pk"))
    found = (
        Playlist.objects.present()
        .filter(made_by=maker)
        .annotate(video_count=_count(seen), cover=_cover(seen))
    )
    if maker.pk != viewer.pk:
        found = found.filter(Exists(seen))
    position = LAST_CHANGED.position(after)
    if position is not None:
        found = found.filter(LAST_CHANGED.behind(position))
    rows: list[Any] = list(found.order_by(*LAST_CHANGED.order_by)[: PAGE_SIZE + 1])
    next_url = None
    if len(rows) > PAGE_SIZE:
        rows.pop()
        next_url = next_address(LAST_CHANGED.cursor(rows[-1]), parameters)
    covers = Video.objects.in_bulk([row.cover for row in rows if row.cover])
    return PlaylistCards(
        cards=[_card(row, covers.get(row.cover)) for row in rows], next_url=next_url
    )


def _count(entries: PlaylistEntryQuerySet) -> Coalesce:
    counted = entries.order_by().values("playlist").annotate(all=Count("pk")).values("all")
    return Coalesce(Subquery(counted), 0)


def _cover(entries: PlaylistEntryQuerySet) -> Subquery:
    """The first video that has a thumbnail."""
    with_thumbnail = entries.exclude(video__thumbnail_filename=None)
    return Subquery(with_thumbnail.in_order().values("video")[:1], output_field=UUIDField())


def _card(playlist: Any, cover: Video | None) -> PlaylistCard:
    return PlaylistCard(
        title=playlist.title,
        url=playlist.get_absolute_url(),
        video_count=playlist.video_count,
        thumbnail_url=small_thumbnail_url(cover) if cover else None,
        updated_at=playlist.updated_at,
    )
