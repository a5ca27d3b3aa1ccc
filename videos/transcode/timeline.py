"""Decides the common timeline of a picture and its sound. Pure: takes the times of their packets.

A published video begins with its picture and its sound together and ends with both. Its length is
that of its playlist, and players neither stop nor freeze where a source has only one of the two.
Times are the packets' own, after edit lists, in seconds of the source.

1. Two times are the same if they differ by at most one frame of the picture, but not less than one
   packet of AAC (``MIN_FRAME_SECONDS``) and not more than ``MAX_FRAME_SECONDS``. Otherwise each
   file would need work, because tracks never end at exactly the same time.
2. The video starts with the picture, or with sound that starts earlier. It ends with the picture,
   or with sound that ends later.
3. The picture starts with its first keyframe: what comes before it cannot be decoded, unless the
   edit list hides a keyframe still further in front.
4. Until a late picture starts, its first frame is shown; after its end its last frame is shown.
   A copy gets this by other times of these two packets (bitstream filter ``setts``), as long as
   keyframes are then still close enough together; an encode repeats the frames.
5. Sound that starts late, ends early, has holes or overlaps is decoded, filled with silence and
   encoded (``fill``), also beside a copied picture. Two exceptions stay a copy: sound that is
   ``MAX_SOUND_DELAY_SECONDS`` late, and a last packet that gets a longer duration (``lengthen``)
   because at most ``MAX_LENGTHENED_SECONDS`` are missing after it.
6. A sound track without packets is no sound; ``probe`` takes the next one or none.
7. Tracks that are far apart, in time or in the file, are read from two inputs (``is_apart``), since
   FFmpeg keeps in memory, or writes without its sound, what it reads before the other track.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """When a video starts and ends, and what its tracks need for that.

    Attributes:
        start, end: of the video, in seconds of the source.
        picture, sound: the tracks' own times; None for no sound, or for no timestamps.
        stands_before, stands_after: seconds that the first frame is shown before its own time,
            and the last frame after its end; 0 if it need not.
        sound_need: "nothing" for sound that fits as it is.
        is_apart: whether picture and sound have to be read from two inputs.
    """

    start: float
    end: float
    picture: Span | None = None
    sound: Span | None = None
    stands_before: float = 0.0
    stands_after: float = 0.0
    sound_need: SoundNeed = "nothing"
    is_apart: bool = False

    @property
    def duration(self) -> float:
        """Returns the seconds from start to end."""
        return self.end - self.start

    @property
    def sound_delay(self) -> float:
        """Returns by how much the sound starts after the picture; 0 if one of them is missing."""
        if self.picture is None or self.sound is None:
            return 0.0
        return self.sound.start - self.picture.start

    @property
    def picture_end(self) -> float:
        """Returns when the picture ends, in seconds of the video, with its last frame standing."""
        if self.picture is None or self.stands_after:
            return self.duration
        return self.picture.end - self.start


def common_timeline(picture: Timing, sound: SoundTiming | None, *, declared: Span) -> Timeline:
    """Returns the timeline of a video.

    Args:
        sound: None for no sound.
        declared: what the file's header says, for tracks without timestamps.
    """
    heard = None if sound is None or sound.start is None else Span(sound.start, sound.end)
    if picture.start is None or picture.end is None:
        end = declared.end if heard is None else max(declared.end, heard.end)
        need: SoundNeed = "nothing" if sound is None else "fill"
        return Timeline(start=declared.start, end=end, sound=heard, sound_need=need)
    first = picture.start if picture.first_keyframe is None else picture.first_keyframe
    seen = Span(first, picture.end)
    frame = frame_seconds(picture)
    if sound is None or heard is None:
        need = "nothing" if sound is None else "fill"
        return Timeline(start=seen.start, end=seen.end, picture=seen, sound_need=need)
    start = heard.start if seen.start - heard.start > frame else seen.start
    end = heard.end if heard.end - seen.end > frame else seen.end
    timeline = Timeline(
        start=start,
        end=end,
        picture=seen,
        sound=heard,
        stands_before=seen.start - start,
        stands_after=end - seen.end,
        sound_need=_sound_need(sound, heard, Span(start, end), frame),
    )
    return replace(timeline, is_apart=_is_apart(timeline, heard, picture, sound))


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


def _sound_need(sound: SoundTiming, heard: Span, video: Span, frame: float) -> SoundNeed:
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
