"""The renditions of a video that can be played at this moment."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clipset.lib.disk import is_disk_away
from clipset.lib.plain_files import open_plain
from siteconfig.roots import check_roots
from videos.models import Rendition, Video
from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import initialisation_segment
from videos.transcode.fragments import FragmentIndex, codecs, read_index
from videos.transcode.sound_tracks import SoundTrack, sounds_of_file, tracks_of_row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

KEPT: Final = 256  # indexes; the one of a two-hour video has 1,800 fragments


@dataclass(frozen=True, slots=True, kw_only=True)
class Playable:
    """A rendition and its complete fragments, of which each track has at least one.

    `sounds` are those to choose from. Then the fragments of each track are separate, and other
    renditions of the video contain only the picture.
    """

    rendition: Rendition
    index: FragmentIndex
    codecs: str
    sounds: tuple[SoundTrack, ...]


def playable_renditions(video: Video) -> list[Playable]:
    """The playable renditions: H.264, the largest first, then original quality, since players
    start with the first. Empty while there are none. One query.
    """
    found = _playable(Rendition.objects.filter(video=video))
    return sorted(found, key=lambda one: one.rendition.is_original_quality)


def playable_rendition(video: Video, name: str) -> Playable | None:
    """The playable rendition of this name. One query."""
    found = _playable(Rendition.objects.filter(video=video, name=name))
    return found[0] if found else None


def with_sounds(playable: Iterable[Playable]) -> Playable | None:
    """The rendition whose sounds players choose from; None for a video with at most one sound."""
    return next((one for one in playable if one.sounds), None)


def initialisation_of(one: Playable, *, sound: int | None = None) -> bytes | None:
    """The initialisation segment of a rendition, or of the sound with this track number; None if
    its file is gone by now, as that of an attempt that has ended.
    """
    picture = one.index.video_track if one.index.is_separate else None
    try:
        with _opened(one.rendition) as file:
            return initialisation_segment(file, track=sound or picture)
    except (OSError, NotFragmentedError) as error:
        if is_disk_away(error):
            raise  # 503, clipset.middleware
        return None


def check_storage(video: Video) -> None:
    """Explains why nothing plays. Raises: RootUnavailableError if a rendition's storage is
    unavailable.
    """
    roots = Rendition.objects.filter(video=video).order_by().values_list("root", flat=True)
    check_roots(roots.distinct())


def is_watchable(video: Video, *, plays_original: bool = True) -> bool:
    """Whether the video, or its beginning, can be played by a browser that decodes original
    quality, or does not. No query for a finished video.
    """
    if not video.is_unfinished:
        return video.is_ready
    playable = playable_renditions(video)
    return any(plays_original or not one.rendition.is_original_quality for one in playable)


def _playable(renditions: Iterable[Rendition]) -> list[Playable]:
    found = []
    for rendition in renditions:
        try:
            index = _index(rendition)
            if index.fragments and all(index.sounds.values()):
                known = rendition.codecs or _codecs(rendition)
                sounds = sounds_of_file(tracks_of_row(rendition.sound_tracks), index.sounds)
                found.append(
                    Playable(rendition=rendition, index=index, codecs=known, sounds=sounds)
                )
        except (OSError, NotFragmentedError) as error:
            if is_disk_away(error):
                raise  # 503, clipset.middleware
            continue  # the file does not exist, for example between two attempts
    return found


def _codecs(rendition: Rendition) -> str:
    with _opened(rendition) as file:
        return codecs(file)


def _opened(rendition: Rendition) -> BinaryIO:
    """Opens the file. One that FFmpeg may be writing must be a plain file."""
    opener = None if rendition.is_complete else open_plain
    return open(rendition.path, "rb", opener=opener)


_lock = threading.Lock()
_indexes: OrderedDict[tuple[str, str], FragmentIndex] = OrderedDict()


def _index(rendition: Rendition) -> FragmentIndex:
    """The fragments of a rendition. Reads only what was added since the last request.

    Raises: OSError, NotFragmentedError.
    """
    key = (str(rendition.path), rendition.version)
    with _lock:
        known = _indexes.get(key)
    if known is None or not rendition.is_complete or known.end < rendition.size_bytes:
        with _opened(rendition) as file:
            known = read_index(file, known=known)
        with _lock:
            _indexes[key] = known
            while len(_indexes) > KEPT:
                _indexes.popitem(last=False)
    return known
