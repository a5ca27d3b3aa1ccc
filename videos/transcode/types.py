"""The values that pass between the stages. Sizes are pixels, times are seconds, rates are bit/s."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from videos.transcode.media import FieldOrder, Hdr, MediaInfo

EncoderName = Literal["libx264", "h264_nvenc", "h264_qsv", "h264_vaapi"]
QualityName = Literal["small", "balanced", "high"]

GIB = 1024**3


class EncodeQuality(NamedTuple):
    """What the operator's choice of quality means to libx264."""

    crf: int
    preset: str


QUALITIES: Mapping[QualityName, EncodeQuality] = {
    "small": EncodeQuality(crf=25, preset="veryfast"),
    "balanced": EncodeQuality(crf=21, preset="veryfast"),
    "high": EncodeQuality(crf=18, preset="faster"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the operator may choose, and the limits that nobody may pass.

    Attributes:
        ffmpeg: name or path of FFmpeg; ffprobe is looked for beside it.
        accepted: file name extensions, without the dot, that decide which demuxers may be used.
        max_short_side, max_long_side: largest picture, measured so that portrait counts as much.
        max_fps: highest frame rate of an encoded picture, and of a copied one on average.
        ladder: short sides of the smaller renditions; one that is hardly smaller is left out.
        crf, preset: libx264's quality (lower is better) and speed.
        at_once_pixel_rate: up to how many pixels a second (see ``plan.pixel_rate``) the whole
            ladder is made in one run; above, the largest rendition is made first. 120 million are
            what two idle cores encode 1.2 times as fast as they are watched: 1080p30 from HEVC
            with 720p and 480p took 0.78 s of each core for a second.
        encoder: the one to use if it works; libx264 if it doesn't.
        vaapi_device: what ``h264_vaapi`` encodes on.
        audio_bitrate: of encoded AAC.
        thumbnail_long_side: largest side of the thumbnail.
        max_pixels: of one decoded picture; 8K is 33 million.
        max_streams, max_duration_seconds: of a source.
        wall_clock_floor_seconds, wall_clock_factor: a run may take the larger of the floor and the
            factor times the video's length.
        stall_seconds: how long a run may make no progress.
        probe_seconds: how long one run of ffprobe may take.
        memory_bytes: that one FFmpeg process may use; 4K in high dynamic range takes 1.2 GB.
        nice: how far FFmpeg steps back behind the site's own processes.
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
    max_duration_seconds: float = 12 * 3600
    wall_clock_floor_seconds: float = 300
    wall_clock_factor: float = 40
    stall_seconds: float = 90
    probe_seconds: float = 120
    memory_bytes: int = 4 * GIB
    nice: int = 10

    @property
    def ffprobe(self) -> str:
        """The ffprobe that belongs to ``ffmpeg``: the same place, the same suffix."""
        folder, slash, name = self.ffmpeg.rpartition("/")
        return folder + slash + name.replace("ffmpeg", "ffprobe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What happens to decoded pictures before they are encoded, in this order.

    Attributes:
        field_order: the first field of interlaced pictures; "progressive" for nothing to do.
        field_rate: make one picture of each field rather than of each pair.
        fps: constant rate to bring the frames to.
        color_range, color_matrix, color_primaries, color_transfer: of the decoded pictures, with
            what the file doesn't say filled in; the matrix is "gbr" for RGB.
        hdr: tone-map from this; "" for none.
        wide_gamut: the primaries are not BT.709's and have to be converted in linear light.
    """

    field_order: FieldOrder
    field_rate: bool
    fps: Fraction
    color_range: Literal["tv", "pc"]
    color_matrix: str
    color_primaries: str
    color_transfer: str
    hdr: Hdr
    wide_gamut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How one rendition is made. ``maxrate`` caps the bit rate; the sizes are in PlannedRendition.

    ``crf`` and ``preset`` are libx264's; for the other encoders see ``encoders``.
    """

    preset: str
    crf: int
    maxrate: int
    keyframe_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRendition:
    """One file that is published.

    Attributes:
        name: "source" for a copied picture, else its short side: "1080p".
        width, height: as shown.
        bandwidth: bit/s that it may need with its sound: the cap, or the average of a copy.
        encoding: None for a copied picture.
    """

    name: str
    width: int
    height: int
    bandwidth: int
    encoding: Encoding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What happens to the sound track: copied, or AAC stereo.

    Attributes:
        index: of the stream in the source.
        copied: True to leave it as it is; what follows is then not used.
        bitrate, sample_rate: of the encoded sound.
        channels: of the source; above 8 there is no layout to mix down from.
    """

    index: int
    copied: bool
    bitrate: int
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with a source.

    Attributes:
        duration_seconds: what the result should have.
        video_index: of the picture track in the source.
        reasons: why the picture is encoded, for logs and pages; empty for a copy.
        treatment: None for a copy.
        renditions: what is made in this run, the largest first; their names differ.
        later: names of the smaller renditions that another run makes of the largest one.
        keeps_times: no picture is put before the first to fill a gap; the clock is already one
            that we published, and a player goes from one rendition to the other by it.
        sound: None for a video without sound.
    """

    duration_seconds: float
    video_index: int
    reasons: tuple[str, ...]
    treatment: Treatment | None
    renditions: tuple[PlannedRendition, ...]
    later: tuple[str, ...]
    keeps_times: bool
    sound: Sound | None

    @property
    def top(self) -> PlannedRendition:
        """The largest rendition of this run."""
        return self.renditions[0]

    @property
    def copied(self) -> bool:
        """The picture is published bit for bit."""
        return self.treatment is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderChoice:
    """Which encoder is used.

    Attributes:
        fallback_reason: a sentence for people on why it is not the configured one; "" when it is.
        detail: what FFmpeg said to that, for logs; may hold paths.
    """

    name: EncoderName
    fallback_reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come. None stands for what is not known (yet).

    Attributes:
        fraction: 0 to 1.
        speed: seconds of video per second.
        seconds_left: at that speed.
    """

    fraction: float | None = None
    speed: float | None = None
    seconds_left: float | None = None


Tick = Callable[[Progress], None]
"""Called about once a second while a process runs; whatever it raises ends the process."""


def no_tick(progress: Progress) -> None:
    """For callers who don't want to know."""


Begun = Callable[[Plan], None]
"""Called when the plan stands and FFmpeg is about to write ``workdir/<name>.mp4`` for each of its
renditions. Called once more when a hardware encoder failed and libx264 begins again: what was read
of the files until then is void. Whatever it raises ends the run."""


def no_begun(plan: Plan) -> None:
    """For callers who wait for the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One rendition that was made and checked against its plan.

    Attributes:
        rendition: what was planned.
        path: in the work folder.
        width, height: as shown.
        fps: the nominal rate.
        size_bytes: of the file.
    """

    rendition: PlannedRendition
    path: Path
    width: int
    height: int
    fps: Fraction
    duration_seconds: float
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodeResult:
    """What ``pipeline.transcode`` made; all files lie in its work folder.

    Attributes:
        info: of the source.
        plan: what was done and why.
        renditions: as in the plan, the largest first.
        thumbnail: None when no picture could be had from the result.
        encoder: None for a copy.
    """

    info: MediaInfo
    plan: Plan
    renditions: tuple[Made, ...]
    thumbnail: Path | None
    encoder: EncoderChoice | None

    @property
    def top(self) -> Made:
        """The largest rendition of this run."""
        return self.renditions[0]
