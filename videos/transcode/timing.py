"""Reads frame rate, keyframe spacing and hidden frames from the packets of a video track.

ffprobe reads the demuxer's index and decodes nothing: 0.7 s for 2 GB and 25,000 packets in MP4.
"""

from __future__ import annotations

import itertools
import math
from array import array
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKET_ENTRIES = "packet=stream_index,pts_time,dts_time,duration_time,flags"

STANDARD_RATES = (
    *(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60, 120, 240)),
    *(Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 144, 240)),
)
MAX_DEVIATION = 0.01  # share of a rate; a closer standard rate is taken instead
LONGER_SECONDS = 0.1  # a packet of sound that is this much longer than most is followed by a hole
MAX_DURATIONS = 1000  # different ones that are counted; real tracks have some ten
ROUNDING_SECONDS = 0.0011  # Matroska and some cameras round times to milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A summary of the packets. Times are in seconds.

    ``start`` and ``end`` are None for a track without timestamps. ``usual_interval`` is the mean of
    the intervals near the median, which evens out rounding to milliseconds. ``first_keyframe`` is
    where decoding shows its first frame: the start, if a hidden keyframe comes before it.
    ``first_group`` and ``last_group`` last from the first and last keyframe to the next one or to
    the end.
    """

    frames: int
    start: float | None
    end: float | None
    average_fps: float
    usual_interval: float
    longest_interval: float
    vfr: bool
    keyframes: int
    first_keyframe: float | None
    first_group: float
    last_group: float
    keyframe_spacing: float
    starts_with_keyframe: bool
    complete: bool
    hides_frames: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundTiming:
    """A summary of the packets of a sound track. Times are in seconds.

    Attributes:
        packets: with those that the edit list hides.
        start, end: of those that are heard; ``start`` is None without timestamps.
        longest_gap, longest_overlap: between one packet's end and the next one's start.
        distance_in_file: how far apart the times of picture and sound are at one place of the file.
    """

    packets: int
    start: float | None
    end: float
    longest_gap: float
    longest_overlap: float
    distance_in_file: float


class PacketReader:
    """Reads ffprobe's compact CSV lines (``pts,dts,duration,flags``) from parts of any length."""

    def __init__(self) -> None:
        self._incomplete = b""
        self._shown = array("d")
        self._keyframes = array("d")
        self._frames = 0
        self._end = -math.inf
        self._last_decoded = -math.inf
        self._complete = True
        self._hides = False
        self._hides_keyframe = False
        self._starts_with_keyframe = False

    @property
    def frames(self) -> int:
        """Number of shown frames so far."""
        return self._frames

    @property
    def latest(self) -> float | None:
        """When the last frame so far is shown; None before the first one."""
        return self._shown[-1] if self._shown else None

    def feed(self, part: bytes) -> None:
        *lines, self._incomplete = (self._incomplete + part).split(b"\n")
        for line in lines:
            self.packet(line)

    def packet(self, line: bytes) -> None:
        """Reads one complete line."""
        fields = line.decode("ascii", "replace").strip().split(",")
        if len(fields) < 4:
            return
        shown_at, decoded_at, lasts = (_seconds(field) for field in fields[:3])
        flags = fields[3]
        if "D" in flags:  # AV_PKT_FLAG_DISCARD: the edit list hides this frame
            self._hides = True
            self._hides_keyframe |= self._frames == 0 and "K" in flags
            return
        if self._frames == 0:
            self._starts_with_keyframe = "K" in flags
        self._frames += 1
        if (
            shown_at is None
            or (math.inf if decoded_at is None else decoded_at) <= self._last_decoded
        ):
            self._complete = False
        # Matroska has no decoding times for the first reordered frames.
        if decoded_at is not None:
            self._last_decoded = decoded_at
        shown_at = decoded_at if shown_at is None else shown_at
        if shown_at is None:
            return
        self._shown.append(shown_at)
        self._end = max(self._end, shown_at + (lasts or 0.0))
        if "K" in flags:
            self._keyframes.append(shown_at)

    def timing(self) -> Timing:
        """Returns the summary. Call it once, after the last part.

        Lists of numbers would need four times the memory of arrays: 560 MB in all for three million
        frames.
        """
        times = array("d", sorted(self._shown))
        if not times:
            return self._without_times()
        intervals = _intervals(times)
        median = sorted(intervals)[len(intervals) // 2] if intervals else 0.0
        slack = max(ROUNDING_SECONDS, 0.1 * median)
        usual = array("d", (one for one in intervals if abs(one - median) <= slack))
        span = times[-1] - times[0]
        end = max(self._end, times[-1])
        keyframes = {*self._keyframes, times[0]} if self._hides_keyframe else self._keyframes
        marks = array("d", [*sorted(keyframes), end])
        groups = _intervals(marks)
        # In HEVC pictures may be shown before the keyframe that comes first in the file.
        starts = self._starts_with_keyframe and bool(groups) and marks[0] <= times[0]
        return Timing(
            frames=self._frames,
            start=times[0],
            end=end,
            average_fps=(len(times) - 1) / span if span > 0 else 0.0,
            usual_interval=sum(usual) / len(usual) if usual else 0.0,
            longest_interval=max(intervals, default=0.0),
            vfr=len(usual) < len(intervals),
            keyframes=len(groups),
            first_keyframe=marks[0] if groups else None,
            first_group=groups[0] if groups else math.inf,
            last_group=groups[-1] if groups else math.inf,
            keyframe_spacing=max(groups, default=math.inf),
            starts_with_keyframe=starts,
            complete=self._complete,
            hides_frames=self._hides,
        )

    def _without_times(self) -> Timing:
        return Timing(
            frames=self._frames,
            start=None,
            end=None,
            average_fps=0.0,
            usual_interval=0.0,
            longest_interval=0.0,
            vfr=False,
            keyframes=0,
            first_keyframe=None,
            first_group=math.inf,
            last_group=math.inf,
            keyframe_spacing=math.inf,
            starts_with_keyframe=self._starts_with_keyframe,
            complete=False,
            hides_frames=self._hides,
        )


class SoundReader:
    """Reads the same lines of a sound track.

    In MP4 a packet before a hole lasts until the next one. So a packet that is longer than most is
    taken to sound as long as they do.
    """

    def __init__(self) -> None:
        self._packets = 0
        self._start: float | None = None
        self._latest = 0.0  # start and duration of the last packet
        self._lasts = 0.0
        self._end = -math.inf
        self._gap = 0.0
        self._overlap = 0.0
        self._longest = 0.0
        self._durations: Counter[bytes] = Counter()
        self._distance = 0.0

    def packet(self, line: bytes, picture_at: float | None = None) -> None:
        """Reads one complete line.

        Args:
            picture_at: when the last picture before it in the file is shown; None if there is none.
        """
        fields = line.strip().split(b",")
        if len(fields) < 4:
            return
        self._packets += 1
        starts, lasts = _seconds(fields[0]), _seconds(fields[2])
        if starts is None or b"D" in fields[3]:
            return
        if self._start is None:
            self._start = starts
        else:
            self._gap = max(self._gap, starts - self._end)
            self._overlap = max(self._overlap, self._end - starts)
            self._longest = max(self._longest, self._lasts)
            if lasts is None:  # it lasts as long as the one before it
                lasts = max(0.0, starts - self._latest)
        self._start = min(self._start, starts)
        self._latest, self._lasts = starts, lasts or 0.0
        self._end = max(self._end, starts + self._lasts)
        if fields[2] in self._durations or len(self._durations) < MAX_DURATIONS:
            self._durations[fields[2]] += 1
        from_picture = starts - (self._start if picture_at is None else picture_at)
        self._distance = max(self._distance, abs(from_picture))

    def timing(self) -> SoundTiming:
        """Returns the summary."""
        [(text, _)] = self._durations.most_common(1) or [(b"", 0)]
        usual = _seconds(text) or math.inf
        too_long = self._lasts - usual if self._lasts > usual + LONGER_SECONDS else 0.0
        return SoundTiming(
            packets=self._packets,
            start=self._start,
            end=0.0 if self._start is None else self._end - too_long,
            longest_gap=max(self._gap, self._longest - usual),
            longest_overlap=self._overlap,
            distance_in_file=self._distance,
        )


class TrackReader:
    """Passes ffprobe's lines, which start with a track's index, to the reader of each track.

    Takes parts of any length. Ignores tracks without a reader.
    """

    def __init__(
        self, picture: int, reader: PacketReader, sounds: Mapping[int, SoundReader]
    ) -> None:
        self._picture = b"%d" % picture
        self._reader = reader
        self._sounds = {b"%d" % index: one for index, one in sounds.items()}
        self._incomplete = b""

    def feed(self, part: bytes) -> None:
        *lines, self._incomplete = (self._incomplete + part).split(b"\n")
        for line in lines:
            index, _, packet = line.partition(b",")
            if index == self._picture:
                self._reader.packet(packet)
            elif index in self._sounds:
                self._sounds[index].packet(packet, self._reader.latest)


def nominal_rate(timing: Timing, declared: Fraction) -> Fraction:
    """Returns the constant frame rate that suits a track.

    For evenly spaced frames this is the average, or the declared rate if that is close
    (30000/1001). For others it is the rate of most frames: a phone's 30 fps with some frames
    missing is 30.

    Args:
        declared: ffprobe's ``r_frame_rate``; 0 if there is none.
    """
    if timing.vfr and timing.usual_interval > 0:
        rate = 1 / timing.usual_interval
    else:
        rate = timing.average_fps or float(declared) or 25.0
    if declared and abs(float(declared) - rate) <= 0.005 * rate and not timing.vfr:
        return declared
    return snap(rate)


def snap(rate: float) -> Fraction:
    """Returns the nearest standard rate, or the rate itself if none is near."""
    nearest = min(STANDARD_RATES, key=lambda standard: abs(float(standard) - rate))
    if abs(float(nearest) - rate) <= MAX_DEVIATION * rate:
        return nearest
    return Fraction(rate).limit_denominator(1001)


def _intervals(times: array[float]) -> array[float]:
    return array("d", (later - earlier for earlier, later in itertools.pairwise(times)))


def _seconds(text: str | bytes) -> float | None:
    try:
        value = float(text)
    except ValueError:  # N/A
        return None
    return value if math.isfinite(value) else None
