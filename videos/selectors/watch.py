"""The page of a video."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from clipset.lib.filenames import version_of
from videos.filenames import ORIGINAL_QUALITY
from videos.models import Caption, Like, Rendition, Video, WatchProgress
from videos.selectors.cards import (
    JobProgress,
    VideoCard,
    cards,
    progress_of,
    storyboard_url,
    thumbnail_url,
)
from videos.selectors.likes import likes_along, with_likes
from videos.selectors.playback import playable_renditions, with_sounds
from videos.selectors.reviews import hiding_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User
    from videos.querysets import VideoQuerySet
    from videos.selectors.playback import Playable
    from videos.selectors.reviews import Hiding
    from videos.selectors.up_next import UpNext

MORE: Final = 12
NEXT: Final = 3  # of these, shown over the last frame
# How often, in seconds, and for how long a page polls the state of processing.
POLL_MIN_SECONDS: Final = 2
# A page of a video that was uploaded this long ago and can't be watched yet is answered when it can
# (videos.awaiting), since somebody waits for its start.
AWAITED_FOR: Final = timedelta(seconds=10)
# How often such a page asks, by the age of the video.
POLL_FIRST_SECONDS: Final = {AWAITED_FOR: 0.1, timedelta(seconds=20): 0.5}
POLL_MAX_SECONDS: Final = 15
POLL_FOR: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A caption track, as a player requests it."""

    url: str
    language: str
    label: str
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """Everything that a player needs.

    `hls_url` is "" if the file at `stream_url` is the only rendition and has no sounds to choose
    from. During processing only that HLS playlist can be played. Playback begins at `start`
    seconds, which is where the viewer stopped if `is_resumed`. `storyboard_url` is "" without a
    storyboard. The player reports the watch progress to `view_url`. `login_url` is "" for guests.
    `fps` is None if unknown.
    """

    stream_url: str
    hls_url: str
    status_url: str
    view_url: str
    login_url: str
    storyboard_url: str
    is_processing: bool
    is_resumed: bool
    start: int
    width: int | None
    height: int | None
    fps: float | None
    captions: list[Track]
    has_sounds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """The state of processing: "waiting", "processing", "failed" or "ready".

    The page polls `poll_url` every `poll_seconds` seconds; None if only on request. `has_h264`
    tells a page with a player whether more than original quality can be played.
    """

    state: str
    progress: JobProgress | None
    poll_url: str
    poll_seconds: float | None
    captions: list[Track]
    storyboard_url: str
    has_h264: bool

    @property
    def is_unfinished(self) -> bool:
        return self.state in {"waiting", "processing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPage:
    """`player` is None while nothing can be played, `processing` once everything is finished.

    While only original quality can be played, browsers that cannot decode it show `undecodable`
    instead of the player. With `up_next`, a playlist, there is no list of `more` videos.
    """

    video: Video
    card: VideoCard
    player: Player | None
    processing: Processing | None
    undecodable: Processing | None
    poster_url: str | None
    is_liked: bool
    can_edit: bool
    may_moderate: bool
    is_own: bool
    hiding: Hiding | None
    more: list[VideoCard]
    up_next: UpNext | None

    @property
    def next(self) -> list[VideoCard]:
        """The videos that are offered at the end of this one."""
        return self.more[:NEXT]


def for_watching(videos: VideoQuerySet, viewer: User) -> VideoQuerySet:
    """Annotates everything that `watch_page` needs, in the same query."""
    positions = WatchProgress.objects.filter(video=OuterRef("pk"), member=viewer, is_finished=False)
    complete = Rendition.objects.filter(video=OuterRef("pk"), is_complete=True)
    sizes = complete.order_by().values("video").annotate(all=Count("pk")).values("all")
    return with_likes(videos.for_cards()).annotate(
        is_liked=Exists(Like.objects.filter(video=OuterRef("pk"), member=viewer)),
        position=Coalesce(Subquery(positions.values("seconds")[:1]), 0.0),
        sizes=Coalesce(Subquery(sizes), 0),
        fps=Subquery(complete.exclude(name=ORIGINAL_QUALITY).values("fps")[:1]),
        sound_tracks=Subquery(complete.exclude(sound_tracks=[]).values("sound_tracks")[:1]),
        has_withheld_captions=Exists(
            Caption.objects.present().filter(video=OuterRef("pk"), is_withheld=True)
        ),
    )


def watch_page(
    video: Any, *, viewer: User, start: int | None, up_next: UpNext | None = None
) -> WatchPage:
    """The page of a video that was fetched by `for_watching`. Six queries at most, and one more for
    the uploader of a hidden video.

    Playback begins at `start` seconds; None means where the viewer stopped last time.
    """
    card = cards([video], likes=likes_along([video]))[0]
    is_trashed = video.is_trashed  # then nothing is processed, and nothing else is offered
    growing = playable_renditions(video) if video.is_unfinished and not is_trashed else []
    player = _player(video, growing, start=start)
    processing = undecodable = None
    if not video.is_ready and not is_trashed:
        processing = _processing(video, card.progress, watching=player, growing=growing)
    if player and processing and not processing.has_h264:
        undecodable = _processing(video, card.progress, watching=None, plays_original=False)
    return WatchPage(
        video=video,
        card=card,
        player=player,
        processing=processing,
        undecodable=undecodable,
        poster_url=thumbnail_url(video),
        is_liked=video.is_liked,
        can_edit=viewer.is_staff or video.uploaded_by_id == viewer.pk,
        may_moderate=viewer.is_staff,
        is_own=video.uploaded_by_id == viewer.pk,
        hiding=hiding_of(video, viewer=viewer),
        more=[] if up_next or is_trashed else _more(video, viewer),
        up_next=up_next,
    )


def processing_of(
    video: Video, *, watching: bool, since: datetime | None, plays_original: bool = True
) -> Processing:
    """The state for a page that polls since `since`.

    `watching` tells whether it shows a player, `plays_original` whether its browser can decode
    original quality.
    """
    return _processing(
        video,
        progress_of([video]).get(video.pk),
        watching=watching,
        since=since,
        plays_original=plays_original,
        growing=playable_renditions(video) if watching and video.is_unfinished else [],
    )


def _player(video: Any, growing: list[Playable], *, start: int | None) -> Player | None:
    """None while there is nothing to play. `growing` is what can be played of an unfinished
    video."""
    if not (video.is_ready or growing):
        return None
    resumed = int(video.position) if start is None else 0
    start = start or resumed
    shown = video if video.is_ready else growing[0].rendition  # the largest size
    sounds = video.sound_tracks if video.is_ready else with_sounds(growing)
    has_choice = not video.is_ready or video.sizes > 1 or bool(sounds)
    stream_url = reverse("stream", args=[video.short_id])
    return Player(
        stream_url=_stream_url(video, start=start) if video.is_ready else stream_url,
        hls_url=reverse("master_playlist", args=[video.short_id]) if has_choice else "",
        status_url=reverse("video_status", args=[video.short_id]),
        view_url=reverse("video_view", args=[video.short_id]),
        login_url=f"{reverse('login')}?next={quote(video.get_absolute_url())}",
        storyboard_url=storyboard_url(video),
        is_processing=not video.is_ready,
        is_resumed=resumed > 0,
        start=start,
        width=shown.width,
        height=shown.height,
        fps=shown.fps,
        captions=_captions(video) if video.is_ready else [],
        has_sounds=bool(sounds),
    )


def _stream_url(video: Video, *, start: int) -> str:
    """The address contains the version of the file, so that browsers can cache it."""
    address = reverse("stream", args=[video.short_id])
    return f"{address}?v={version_of(video.filename)}" + (f"#t={start}" if start else "")


def _captions(video: Video) -> list[Track]:
    return tracks_of(video, lambda code: reverse("captions", args=[video.short_id, code]))


def tracks_of(video: Video, address_of: Callable[[str], str]) -> list[Track]:
    """The caption tracks; `address_of` makes an address from a code. One query."""
    return [
        Track(
            url=address_of(caption.code),
            language=caption.language,
            label=caption.label,
            is_default=caption.is_default,
        )
        for caption in video.captions.served().defer("body")
    ]


def _processing(
    video: Video,
    progress: JobProgress | None,
    *,
    watching: object,
    since: datetime | None = None,
    plays_original: bool = True,
    growing: Sequence[Playable] = (),
) -> Processing:
    now = timezone.now()
    since = min(since, now) if since else now
    address = reverse("video_status", args=[video.short_id])
    query = f"?since={int(since.timestamp())}" + ("&watching=1" if watching else "")
    query += "" if plays_original else "&original=no"
    state = {"PENDING": "waiting", "PROCESSING": "processing", "FAILED": "failed"}
    return Processing(
        state=state.get(video.processing_status, "ready"),
        progress=progress,
        poll_url=address + query,
        poll_seconds=_status_poll_seconds(video, progress, now, is_watched=bool(watching))
        if now - since < POLL_FOR
        else None,
        captions=_captions(video) if watching and video.is_ready else [],
        storyboard_url=storyboard_url(video) if watching else "",
        has_h264=any(not one.rendition.is_original_quality for one in growing),
    )


def _status_poll_seconds(
    video: Video, progress: JobProgress | None, now: datetime, *, is_watched: bool
) -> float:
    """Seconds until the page of an unfinished video polls again."""
    if not is_watched:
        for age, seconds in POLL_FIRST_SECONDS.items():
            if now - video.created_at < age:
                return seconds
    return poll_seconds(now - video.updated_at, [progress])


def poll_seconds(age: timedelta, processing: Iterable[JobProgress | None]) -> int:
    """Seconds until a page polls again: longer for an old state, but in time for the first job to
    end.
    """
    ends = [it.seconds_left for it in processing if it and it.seconds_left is not None]
    return round(
        min(
            POLL_MAX_SECONDS,
            max(POLL_MIN_SECONDS, min(age.total_seconds() / 30, *ends, POLL_MAX_SECONDS)),
        )
    )


def _more(video: Video, viewer: User) -> list[VideoCard]:
    """Videos of the same uploader and the same category, newest first.

    Two queries, since with an OR databases sort all rows of both, and one for what the viewer has
    watched.
    """
    near = [_newest_beside(video, uploaded_by=video.uploaded_by_id)]
    if video.category_id:
        near.append(_newest_beside(video, category=video.category_id))
    found = {one.pk: one for rows in near for one in rows}
    rows = sorted(found.values(), key=lambda one: (one.created_at, one.pk), reverse=True)[:MORE]
    return cards(rows, viewer=viewer, likes=likes_along(rows))


def _newest_beside(video: Video, **same: UUID) -> VideoQuerySet:
    others = Video.objects.published().filter(**same).exclude(pk=video.pk)
    return with_likes(others.for_cards()).order_by("-created_at", "-pk")[:MORE]
