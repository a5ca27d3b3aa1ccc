"""Values that the stages exchange. Sizes are in pixels, times in seconds, rates in bit/s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from videos.transcode.languages import UNKNOWN

if TYPE_CHECKING:
    from fractions import Fraction

    from videos.transcode.media import Crop, FieldOrder, Hdr
    from videos.transcode.timeline import SoundNeed, Timeline

EncoderName = Literal["libx264", "h264_nvenc", "h264_qsv", "h264_vaapi"]
QualityName = Literal["small", "balanced", "high"]

GIB = 1024**3


class EncodeQuality(NamedTuple):
    """The libx264 settings of a quality that the operator can choose."""

    crf: int
    preset: str


QUALITIES: Mapping[QualityName, EncodeQuality] = {
    "small": EncodeQuality(crf=25, preset="veryfast"),
    "balanced": EncodeQuality(crf=21, preset="veryfast"),
    "high": EncodeQuality(crf=18, preset="faster"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The operator's choices and the fixed limits.

    Attributes:
        ffmpeg: name or path of FFmpeg; ffprobe must be beside it.
        accepted: file name extensions, without the dot, whose demuxers may be used.
        max_short_side, max_long_side: size limit of a picture, the same for portrait and landscape.
        max_fps: limit of the frame rate; for a copied picture, of its average.
        ladder: short sides of the smaller renditions; sizes too close to the next one are skipped.
        crf, preset: libx264's quality (lower is better) and speed.
        at_once_pixel_rate: work per second of video (see ``ladder.pixel_rate``) up to which all
            renditions are made in one run; above it, the largest one is made first. Two idle cores
            encode 120 million at 1.2 times the playing speed: 1080p30 from HEVC with 720p and 480p
            took 0.78 s of each core per second.
        encoder: the encoder to use if it works, else libx264.
        vaapi_device: the device of ``h264_vaapi``.
        audio_bitrate: of encoded AAC.
        thumbnail_long_side: longest side of the thumbnail.
        max_pixels: of one decoded picture; 8K has 33 million.
        max_streams, max_duration_seconds: limits of a source.
        max_sounds: sound tracks that a video keeps; further ones are left out.
        decodes_sounds: decode each sound track whole before it is chosen, after a run that failed.
        wall_clock_floor_seconds, wall_clock_factor: a run may take the larger of the floor and the
            factor times the video's length.
        stall_seconds: how long a run may make no progress.
        probe_seconds: time limit of one run of ffprobe.
        memory_bytes: limit of one FFmpeg process; 4K in high dynamic range needs 1.2 GB.
        nice: added to the niceness of FFmpeg, so that the site's own processes run first.
        most_bytes: what the results may take together (see ``budget``); None for any size.
    """

    ffmpeg: str = "ffmpeg"
    accepted: tuple[str, ...] = ("mp4", "mov", "avi", "mkv", "webm")
    max_short_side: int = 1080
    max_long_side: int = 4096
    max_fps: int = 60
    ladder: tuple[int, ...] = (720, 480)
    crf: int = 21
    preset: str = "veryfast"
    at_once_pixel_rate: int = 120_000_000
    encoder: EncoderName = "libx264"
    vaapi_device: str = "/dev/dri/renderD128"
    audio_bitrate: int = 160_000
    thumbnail_long_side: int = 1280
    max_pixels: int = 36_000_000
    max_streams: int = 64
    max_sounds: int = 8
    decodes_sounds: bool = False
    max_duration_seconds: float = 12 * 3600
    wall_clock_floor_seconds: float = 300
    wall_clock_factor: float = 40
    stall_seconds: float = 90
    probe_seconds: float = 120
    memory_bytes: int = 4 * GIB
    nice: int = 10
    most_bytes: int | None = None

    @property
    def ffprobe(self) -> str:
        """Returns the ffprobe beside ``ffmpeg``, with the same suffix."""
        folder, slash, name = self.ffmpeg.rpartition("/")
        return folder + slash + name.replace("ffmpeg", "ffprobe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How decoded pictures are converted before encoding, in this order.

    Attributes:
        field_order: the first field of interlaced pictures; "progressive" for no deinterlacing.
        field_rate: whether each field becomes a frame, instead of each pair of fields.
        stored_size: width and height of decoded frames, after rotation.
        crop: the part of such frames that is shown; None for the whole.
        fps: the constant frame rate of the output.
        color_range, color_matrix, color_primaries, color_transfer: of the decoded pictures, with
            defaults where the file doesn't say; the matrix is "gbr" for RGB.
        hdr: the transfer to tone-map from; "" for none.
        wide_gamut: whether the primaries must be converted to BT.709 in linear light.
    """

    field_order: FieldOrder
    field_rate: bool
    stored_size: tuple[int, int]
    crop: Crop | None
    fps: Fraction
    color_range: Literal["tv", "pc"]
    color_matrix: str
    color_primaries: str
    color_transfer: str
    hdr: Hdr
    wide_gamut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How a rendition is encoded. ``maxrate`` caps the bit rate.

    ``crf`` and ``preset`` are those of libx264; for the other encoders see ``encoders``.
    """

    preset: str
    crf: int
    maxrate: int
    keyframe_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRendition:
    """A rendition of the plan; it becomes one published file.

    Attributes:
        name: "source" for a copied picture, "original" for original quality beside H.264, else its
            short side: "1080p".
        width, height: as shown.
        bandwidth: bit/s with sound: the cap, or the average of a copy.
        encoding: None for a copied picture.
        codec: of the result, in FFmpeg's name.
    """

    name: str
    width: int
    height: int
    bandwidth: int
    encoding: Encoding | None
    codec: str = "h264"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """How a sound track is handled: copied, or encoded as AAC stereo.

    Attributes:
        index: number of the stream in the source.
        language, title: see ``AudioStream``.
        channels: of the result.
        copied: whether it is copied; bitrate, sample_rate and channels are then unused.
        bitrate, sample_rate: of the encoded sound.
        mix: the filter for channels that FFmpeg cannot mix down; "" for others.
        source_rate, packets: sample rate and number of packets of the source.
        need, late_seconds: what the track needs to fill the video, and how much later it starts.
        other: the second of two mono tracks, which is mixed into this one.
        codec: of the result, in FFmpeg's name.
    """

    index: int
    copied: bool
    bitrate: int
    sample_rate: int
    source_rate: int
    packets: int
    mix: str = ""
    codec: str = "aac"
    need: SoundNeed = "nothing"
    late_seconds: float = 0.0
    language: str = UNKNOWN
    title: str = ""
    channels: int = 2
    other: Sound | None = None

    @property
    def parts(self) -> tuple[Sound, ...]:
        """Returns the tracks of the source from which it is made."""
        return (self,) if self.other is None else (self, self.other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with a source.

    Attributes:
        timeline: of the source; the result has the same, from 0 on.
        shift_seconds: see ``MediaInfo``.
        frames: number of frames of the source.
        video_index: number of the video track in the source.
        reasons: why the picture is encoded, for logs and pages; empty for a copy.
        treatment: None for a copy.
        renditions: what this run makes, the largest first, with unique names.
        later: names of the smaller renditions that another run makes from the largest one.
        keeps_times: whether timestamps are kept, with no frame added before the first one. The
            source is then a published rendition, and players switch between renditions by time.
        sounds: the default one first; empty for a video without sound.
        is_limited: whether the cap of the largest rendition is lower than usual (see ``budget``).
    """

    timeline: Timeline
    shift_seconds: float
    frames: int
    video_index: int
    reasons: tuple[str, ...]
    treatment: Treatment | None
    renditions: tuple[PlannedRendition, ...]
    later: tuple[str, ...]
    keeps_times: bool
    sounds: tuple[Sound, ...]
    is_limited: bool = False

    @property
    def is_separate(self) -> bool:
        """Returns whether each track has fragments of its own, to choose among several sounds."""
        return len(self.sounds) > 1

    def sounds_of(self, rendition: PlannedRendition) -> tuple[Sound, ...]:
        """Returns the sounds that the file of a rendition gets.

        Several sounds are in the largest one only: players load them from there.
        """
        return self.sounds if rendition == self.top or not self.is_separate else ()

    @property
    def duration_seconds(self) -> float:
        """Returns the length of the result."""
        return self.timeline.duration

    @property
    def top(self) -> PlannedRendition:
        """Returns the largest rendition of this run."""
        return self.renditions[0]

    @property
    def copied(self) -> bool:
        """Returns whether the picture is copied bit for bit."""
        return self.treatment is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderChoice:
    """The encoder that is used.

    Attributes:
        fallback_reason: a sentence that says why it is not the configured one; "" if it is.
        detail: FFmpeg's output about that, for logs; may contain paths.
    """

    name: EncoderName
    fallback_reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The progress of a run. None means unknown.

    Attributes:
        fraction: 0 to 1.
        speed: seconds of video per second.
        seconds_left: time left at that speed.
    """

    fraction: float | None = None
    speed: float | None = None
    seconds_left: float | None = None


NEARLY_DONE = Progress(fraction=1.0, seconds_left=0.0)
"""For short steps after the main run."""

Tick = Callable[[Progress], None]
"""Called about once a second while a process runs. What it raises ends the process."""


def no_tick(progress: Progress) -> None:
    """Does nothing: for callers that need no progress."""


OnStart = Callable[[Plan], None]
"""Called with the plan just before FFmpeg writes ``workdir/<name>.mp4`` for each of its renditions.

Called again if a hardware encoder failed and libx264 starts from the beginning: what was read from
the files until then is invalid. What it raises ends the run."""


def no_start(plan: Plan) -> None:
    """Does nothing: for callers that only need the result."""
