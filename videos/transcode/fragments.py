"""Reads the index that a rendition contains: where its fragments are and how long they last.

FFmpeg 5.1 writes with ``commands.FRAGMENTED``::

    ftyp moov (sidx... moof mdat)... mfra

There is one ``sidx`` for each track with data in the fragment, so none for sound that has ended.

A file with several sounds is written with ``separate_moof`` as well, so that players can load the
picture and one sound only: each track has fragments of its own (``FragmentIndex.is_separate``)::

    ftyp moov (sidx moof mdat)... mfra

FFmpeg writes one for each track with data, in the order of the tracks, whenever the picture has a
keyframe. Bytes of fragments never change, so the file can be read while it is written, and while it
is finalised, which only changes its start (``file_start``) and appends a ``moov``. Boxes are those
of ISO/IEC 14496-12; the contents of ``mdat`` are never read.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from fractions import Fraction
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from videos.transcode.codec_names import codec_names, sound_codecs, supplemental_codecs
from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import (
    is_finalised,
    next_header,
    opened,
    parsed,
    read_start,
)
from videos.transcode.fragment_boxes import read_fragment, trailer_end
from videos.transcode.moov import sound_tracks, track_numbers, video_track
from videos.transcode.rates import average_bandwidth, peak_bandwidth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from videos.transcode.container import FileReader

MAX_FRAGMENTS = 200_000  # of a track: 12 h in fragments of 0.2 s
MAX_FRAGMENTS_OF_ALL = 500_000  # 12 h in fragments of 2 s, with 16 sounds: 370,000

FRAGMENTS_PER_TICK = 500

# A track that ends more than this after the picture makes the fragment longer. Smaller differences
# come from where sound packets end.
SECONDS_AFTER_PICTURE = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of the file that can be decoded with only the start of the file.

    Attributes:
        offset, size: bytes, including the boxes before its moof.
        duration: seconds from the end of the previous fragment.
    """

    offset: int
    size: int
    duration: Fraction


@dataclass(frozen=True, slots=True)
class FragmentIndex:
    """The complete parts of a file.

    Attributes:
        init_size: bytes in front of the first fragment; 0 while they are not complete. For what
            players need of them see ``file_start.initialisation_segment``.
        video_track: number of the video track, whose duration counts for a fragment.
        fragments: those of the picture, in the order of the file. They contain the sound as well,
            and have no gaps in between, unless the file is separate.
        duration: seconds of all these fragments together.
        end: where the last complete fragment ends, or the trailer and the moov behind it.
        sounds: the fragments of each sound by its track number, in the order of the tracks. Empty
            unless the file is separate. A sound may have less fragments than the picture, or none.
        sound_durations: seconds of all fragments of each sound, including the first packets of
            AAC, which are not heard.
    """

    init_size: int
    video_track: int
    fragments: tuple[Fragment, ...]
    duration: Fraction
    end: int
    sounds: Mapping[int, tuple[Fragment, ...]] = field(default_factory=dict)
    sound_durations: Mapping[int, Fraction] = field(default_factory=dict)

    @property
    def is_separate(self) -> bool:
        """Whether each track has fragments of its own."""
        return bool(self.sounds)

    @property
    def media_end(self) -> int:
        """Where the last complete fragment of all tracks ends."""
        lasts = (parts[-1] for parts in (self.fragments, *self.sounds.values()) if parts)
        return max((last.offset + last.size for last in lasts), default=self.init_size)

    def all_fragments(self) -> list[Fragment]:
        """Returns the fragments of all tracks, in the order of the file."""
        parts = itertools.chain(self.fragments, *self.sounds.values())
        return sorted(parts, key=attrgetter("offset"))


EMPTY_INDEX = FragmentIndex(0, 0, (), Fraction(0), 0)


class SoundFacts(NamedTuple):
    """A sound track: its number in the file, and its codec (RFC 6381)."""

    track: int
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of a complete file that its row needs. Rates are in bit/s.

    Attributes:
        codecs: of the picture and of the first sound, which is the default one.
        bandwidth, average_bandwidth: of the picture with the largest sound.
        supplemental_codecs: see ``codec_names.supplemental_codecs``.
        is_finalised: whether it is an ordinary MP4 (``finalise``).
        sounds: all sound tracks, in their order.
    """

    codecs: str
    supplemental_codecs: str
    bandwidth: int
    average_bandwidth: int
    is_finalised: bool
    sounds: tuple[SoundFacts, ...] = ()


def read_index(
    source: Path | BinaryIO,
    *,
    known: FragmentIndex | None = None,
    tick: Callable[[], None] = lambda: None,
) -> FragmentIndex:
    """Returns the fragments that are complete in the file now.

    Needs a few short reads per fragment. Does not move the position of an open file.

    Args:
        known: the result of an earlier call for the same file, to continue from. If the file has
            become shorter, it is a different one and is read from the start.
        tick: called often; a video of 12 h with several sounds takes seconds.

    Raises:
        NotFragmentedError: the file does not have this layout. A cut file is not an error.
        OSError: the file cannot be read.
    """
    with opened(source) as reader:
        index = EMPTY_INDEX if known is None or known.end > reader.size else known
        if not index.init_size:
            start = read_start(reader)
            if start is None:
                return EMPTY_INDEX
            index = parsed(_without_fragments, start.moov)
            index = replace(index, init_size=start.end, end=start.end)
        return _read_fragments(reader, index, tick)


def track_ends(path: Path, index: FragmentIndex) -> dict[int, Fraction]:
    """Returns when each track ends, in seconds, by its number.

    The first packets of AAC, which are not heard, count as well.

    Raises: NotFragmentedError; OSError.
    """
    ends: dict[int, Fraction] = {}
    with opened(path) as reader:
        start = read_start(reader)
        tracks = parsed(track_numbers, start.moov) if start else ()
        parts = (index.fragments, *index.sounds.values())
        for fragment in _reversed(parts):
            found = read_fragment(reader, fragment.offset)
            ends = {**(found[1] if found else {}), **ends}
            if len(ends) >= len(tracks):
                break
    return ends


def codecs(source: Path | BinaryIO) -> str:
    """Returns the codecs of the picture and of the first sound (RFC 6381).

    For example "avc1.640028,mp4a.40.2".

    Raises:
        NotFragmentedError: the start of the file is incomplete or has no such tracks.
        OSError: the file cannot be read.
    """
    return parsed(codec_names, _moov(source))


def describe(path: Path) -> Facts:
    """Returns the facts of a finished file.

    Raises: NotFragmentedError if it is not fragmented or has no complete fragment; OSError.
    """
    with path.open("rb") as file:
        index = read_index(file)
        if not index.duration:
            raise NotFragmentedError("no whole fragment")
        return Facts(
            codecs=codecs(file),
            supplemental_codecs=parsed(supplemental_codecs, _moov(file)),
            bandwidth=peak_bandwidth(index),
            average_bandwidth=average_bandwidth(index),
            is_finalised=is_finalised(file),
            sounds=tuple(SoundFacts(*one) for one in parsed(sound_codecs, _moov(file))),
        )


# -- the file


def _moov(source: Path | BinaryIO) -> bytes:
    with opened(source) as reader:
        start = read_start(reader)
    if start is None:
        raise NotFragmentedError("the start of the file is incomplete")
    return start.moov


def _without_fragments(moov: bytes) -> FragmentIndex:
    """Returns the index of a file of which only the moov is known. Raises: ValueError."""
    track_numbers(moov)  # raises an error for too many
    sounds = sound_tracks(moov)
    # Only files with several sounds are written with separate_moof.
    if len(sounds) < 2:
        return replace(EMPTY_INDEX, video_track=video_track(moov))
    return replace(
        EMPTY_INDEX,
        video_track=video_track(moov),
        sounds=dict.fromkeys(sounds, ()),
        sound_durations=dict.fromkeys(sounds, Fraction(0)),
    )


def _read_fragments(
    reader: FileReader, index: FragmentIndex, tick: Callable[[], None]
) -> FragmentIndex:
    picture = index.video_track
    found: dict[int, list[Fragment]] = {track: [] for track in (picture, *index.sounds)}
    played = {picture: index.duration, **index.sound_durations}
    count = len(index.fragments) + sum(map(len, index.sounds.values()))
    end = index.media_end
    while (header := next_header(reader, end)) is not None:
        if header.kind in (b"mfra", b"moov"):
            break
        fragment = read_fragment(reader, end)
        if fragment is None:
            break
        size, ends = fragment
        if not count and len(ends) > 1:  # several sounds, but in the fragments of the picture
            index = replace(index, sounds={}, sound_durations={})
        track, until = _track_and_end(index, ends, end)
        until = max(until, played[track])
        found[track].append(Fragment(end, size, until - played[track]))
        end, played[track] = end + size, until
        count += 1
        if count > (MAX_FRAGMENTS_OF_ALL if index.is_separate else MAX_FRAGMENTS):
            raise NotFragmentedError(f"more than {count - 1} fragments")
        if count % FRAGMENTS_PER_TICK == 0:
            tick()
    return replace(
        index,
        fragments=(*index.fragments, *found[picture]),
        duration=played[picture],
        end=trailer_end(reader, end),
        sounds={track: (*known, *found[track]) for track, known in index.sounds.items()},
        sound_durations={track: played[track] for track in index.sounds},
    )


def _track_and_end(
    index: FragmentIndex, ends: dict[int, Fraction], offset: int
) -> tuple[int, Fraction]:
    """Returns to which track a fragment belongs, and when it ends there, in seconds."""
    if not index.is_separate:
        return index.video_track, _end(ends, index.video_track)
    [(track, end), *others] = ends.items()
    if others:
        raise NotFragmentedError(f"a fragment of several tracks at {offset}")
    if track != index.video_track and track not in index.sounds:
        raise NotFragmentedError(f"a fragment of track {track} at {offset}")
    return track, end


def _end(ends: dict[int, Fraction], video_track: int) -> Fraction:
    last = max(ends.values())
    picture = ends.get(video_track, Fraction(0))
    return last if last - picture > SECONDS_AFTER_PICTURE else picture


def _reversed(parts: Sequence[Sequence[Fragment]]) -> Iterator[Fragment]:
    """Yields the last fragment of each track, then those in front of them, and so on."""
    for row in itertools.zip_longest(*(reversed(one) for one in parts)):
        yield from (fragment for fragment in row if fragment is not None)
