"""Decides the common timeline of a picture and its sounds. Pure: takes the times of their packets.

A published video begins with its picture and all its sounds together and ends with all of them. Its
length is that of its playlist, and players neither stop nor freeze where a source lacks a track.
Times are the packets' own, after edit lists, in seconds of the source.

1. Two times are the same if they differ by at most one frame of the picture, but not less than one
   packet of AAC (``MIN_FRAME_SECONDS``) and not more than ``MAX_FRAME_SECONDS``. Otherwise each
   file would need work, because tracks never end at exactly the same time.
2. The video starts with the picture, or with the sound that starts earliest before it. It ends with
   the picture, or with the sound that ends last after it.
3. The picture starts with its first keyframe: what comes before it cannot be decoded, unless the
   edit list hides a keyframe still further in front.
4. Until a late picture starts, its first frame is shown; after its end its last frame is shown.
   A copy gets this by other times of these two packets (bitstream filter ``setts``), as long as
   keyframes are then still close enough together; an encode repeats the frames.
5. Sound that starts late, ends early, has holes or overlaps is decoded, filled with silence and
   encoded (``fill``), also beside a copied picture. Two exceptions stay a copy: sound that is
   ``MAX_SOUND_DELAY_SECONDS`` late, and a last packet that gets a longer duration (``lengthen``)
   because at most ``MAX_LENGTHENED_SECONDS`` are missing after it.
6. A sound track without packets is no sound; ``probe`` leaves it out.
7. Tracks that are far apart, in time or in the file, are read from two inputs (``is_apart``), since
   FFmpeg keeps in memory, or writes without its sound, what it reads before the other track.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videos.transcode.timing import SoundTiming, Timing

SoundNeed = Literal["nothing", "lengthen", "fill"]

MIN_FRAME_SECONDS = 0.025  # a packet of AAC has 1024 samples: 0.023 s at 44.1 kHz
MAX_FRAME_SECONDS = 0.1  # frames of slide shows last seconds
USUAL_FRAME_SECONDS = 0.04  # of a picture with a single frame

MAX_SOUND_DELAY_SECONDS = 0.1
MAX_SOUND_GAP_SECONDS = 0.1  # FFmpeg's aresample fills holes of this size (min_hard_comp)
MAX_LENGTHENED_SECONDS = 0.2

# FFmpeg's muxer waits 10 s for a track (max_interleave_delta) and then writes without it.
APART_SECONDS = 1.0
APART_IN_FILE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Span:
    """When a track starts and ends, in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class TimedSound:
    """When a sound track is heard, and what it needs to fill the video.

    Attributes:
        span: the track's own times; None for a track without timestamps.
        need: "nothing" for sound that fits as it is.
    """

    span: Span | None
    need: SoundNeed = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """When a video starts and ends, and what its tracks need for that.

    Attributes:
        start, end: of the video, in seconds of the source.
        picture: the track's own times; None for no timestamps.
        sounds: the sound tracks, in the order of ``MediaInfo.sounds``.
        stands_before, stands_after: seconds that the first frame is shown before its own time,
            and the last frame after its end; 0 if it need not.
        is_apart: whether each track has to be read from an input of its own.
    """

    start: float
    end: float
    picture: Span | None = None
    sounds: tuple[TimedSound, ...] = ()
    stands_before: float = 0.0
    stands_after: float = 0.0
    is_apart: bool = False

    @property
    def duration(self) -> float:
        """Returns the seconds from start to end."""
        return self.end - self.start

    def sound_delay(self, place: int) -> float:
        """Returns by how much a sound starts after the picture; 0 if one of them is missing."""
        span = self.sounds[place].span if place < len(self.sounds) else None
        if self.picture is None or span is None:
            return 0.0
        return span.start - self.picture.start

    @property
    def picture_end(self) -> float:
        """Returns when the picture ends, in seconds of the video, with its last frame standing."""
        if self.picture is None or self.stands_after:
            return self.duration
        return self.picture.end - self.start


def common_timeline(picture: Timing, sounds: Sequence[SoundTiming], *, declared: Span) -> Timeline:
    """Returns the timeline of a video.

    Args:
        declared: what the file's header says, for tracks without timestamps.
    """
    spans = [None if one.start is None else Span(one.start, one.end) for one in sounds]
    heard = [span for span in spans if span is not None]
    if picture.start is None or picture.end is None:
        return Timeline(
            start=declared.start,
            end=max([declared.end, *(span.end for span in heard)]),
            sounds=tuple(TimedSound(span, "fill") for span in spans),
        )
    first = picture.start if picture.first_keyframe is None else picture.first_keyframe
    seen = Span(first, picture.end)
    frame = frame_seconds(picture)
    video = Span(
        min([seen.start, *(one.start for one in heard if seen.start - one.start > frame)]),
        max([seen.end, *(one.end for one in heard if one.end - seen.end > frame)]),
    )
    timeline = Timeline(
        start=video.start,
        end=video.end,
        picture=seen,
        sounds=tuple(
            TimedSound(span, _sound_need(sound, span, video, frame))
            for sound, span in zip(sounds, spans, strict=True)
        ),
        stands_before=seen.start - video.start,
        stands_after=video.end - seen.end,
    )
    is_apart = any(
        _is_apart(timeline, span, picture, sound)
        for sound, span in zip(sounds, spans, strict=True)
        if span is not None
    )
    return replace(timeline, is_apart=is_apart)


def frame_seconds(picture: Timing) -> float:
    """Returns by how much two times may differ and be the same (rule 1)."""
    usual = picture.usual_interval or USUAL_FRAME_SECONDS
    return min(MAX_FRAME_SECONDS, max(MIN_FRAME_SECONDS, usual))


def keyframe_spacing(picture: Timing, timeline: Timeline) -> float:
    """Returns the longest time from a keyframe to the next one or to the end of the video."""
    first, last = picture.first_group, picture.last_group
    if picture.keyframes == 1:
        return timeline.stands_before + first + timeline.stands_after
    return max(
        picture.keyframe_spacing, timeline.stands_before + first, last + timeline.stands_after
    )


def _sound_need(sound: SoundTiming, heard: Span | None, video: Span, frame: float) -> SoundNeed:
    if heard is None:
        return "fill"
    missing = video.end - heard.end
    if (
        heard.start - video.start > MAX_SOUND_DELAY_SECONDS
        or max(sound.longest_gap, sound.longest_overlap) > MAX_SOUND_GAP_SECONDS
        or missing > MAX_LENGTHENED_SECONDS
    ):
        return "fill"
    return "lengthen" if missing > frame else "nothing"


def _is_apart(timeline: Timeline, heard: Span, picture: Timing, sound: SoundTiming) -> bool:
    waits = (
        timeline.stands_before,
        timeline.stands_after,
        heard.start - timeline.start,
        timeline.end - heard.end,
        sound.longest_gap,
    )
    return (
        max(waits) > APART_SECONDS
        or max(sound.distance_in_file, picture.longest_interval) > APART_IN_FILE_SECONDS
    )
