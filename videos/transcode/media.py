"""What a file holds, as far as plans need it. Sizes in pixels, times in seconds, rates in bit/s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fractions import Fraction

Hdr = Literal["", "pq", "hlg"]
FieldOrder = Literal["progressive", "tff", "bff"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """The chosen picture track.

    Attributes:
        index: of the stream in the file, as FFmpeg counts.
        coded_width, coded_height: as stored.
        width, height: as shown, after pixel shape and rotation.
        rotation: clockwise degrees to turn the stored picture by: 0, 90, 180 or 270.
        plain_turn: the display matrix is such a turn and nothing else (no mirror, no other angle).
        sar: shape of a stored pixel, width to height; 1 when the file doesn't say.
        fps: the nominal rate, what a constant-rate copy of this track should have.
        average_fps: frames divided by time.
        vfr: the frames are not evenly spaced.
        field_order: of interlaced pictures, which field comes first.
        color_range: "tv", "pc" or "" when the file doesn't say; the same for the other three,
            in FFmpeg's names ("bt709", "smpte170m", "bt2020nc", "arib-std-b67", ...).
        dolby_profile_5: Dolby Vision without a picture that other decoders can show.
        keyframe_spacing: longest time from a keyframe to the next one or to the end.
        starts_with_keyframe: the first packet can be decoded by itself.
        complete_timestamps: every packet says when it is shown, and decoding goes in order.
        has_cutting_edit_list: the container hides stored frames; a copy would show them.
        frames: number of frames that are shown.
        bitrate: of this track, or 0 when the file doesn't say.
    """

    index: int
    codec: str
    profile: str
    pix_fmt: str
    bit_depth: int
    coded_width: int
    coded_height: int
    width: int
    height: int
    rotation: int
    plain_turn: bool
    sar: Fraction
    fps: Fraction
    average_fps: float
    vfr: bool
    field_order: FieldOrder
    color_range: str
    color_matrix: str
    color_primaries: str
    color_transfer: str
    hdr: Hdr
    dolby_profile_5: bool
    keyframe_spacing: float
    starts_with_keyframe: bool
    complete_timestamps: bool
    has_cutting_edit_list: bool
    frames: int
    bitrate: int

    @property
    def interlaced(self) -> bool:
        return self.field_order != "progressive"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """The chosen sound track.

    Attributes:
        bitrate: 0 when the file doesn't say.
        delay: seconds from the start of the file to the first sound.
        described: the file says once how to decode it, as MP4 does; MPEG-TS says so in each packet.
    """

    index: int
    codec: str
    profile: str
    channels: int
    layout: str
    sample_rate: int
    bitrate: int
    delay: float
    described: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleStream:
    """A track of subtitles that are text.

    Attributes:
        index: of the stream in the file, as FFmpeg counts.
        language: two or three small letters; "und" when the file doesn't say.
        title: what the file calls it, on one line; often empty.
        forced: meant to be shown to everybody, such as what a sign says.
        default: meant to be shown unless the viewer says otherwise.
    """

    index: int
    codec: str
    language: str
    title: str
    forced: bool
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What a file holds, as far as the plan needs it.

    Attributes:
        container: FFmpeg's name of the demuxer ("mov,mp4,m4a,3gp,3g2,mj2").
        duration_seconds: from the start to the end of what is shown or heard last.
        whole: the file ends where its own structure says that it ends.
        video: None when there is no moving picture; cover art is none.
        audio: None when there is no sound that can be decoded.
        subtitles: those that are text, in the file's order.
    """

    container: str
    duration_seconds: float
    size_bytes: int
    whole: bool
    video: VideoStream | None
    audio: AudioStream | None
    subtitles: tuple[SubtitleStream, ...] = ()
