"""The facts of a file that plans need. Sizes are in pixels, times in seconds, rates in bit/s."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from videos.transcode.languages import UNKNOWN
from videos.transcode.timeline import Timeline

Hdr = Literal["", "pq", "hlg"]
FieldOrder = Literal["progressive", "tff", "bff"]


@dataclass(frozen=True, slots=True)
class Crop:
    """The part of a stored picture that is shown, in pixels from its left upper corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoStream:
    """The chosen video track.

    Attributes:
        index: number of the stream in the file, as FFmpeg counts.
        tag: the code of four letters in MP4, MOV and AVI ("avc1"); it names unknown codecs.
        coded_width, coded_height: as stored; where the size changes, the largest that was seen.
        width, height: as shown, after cropping, pixel shape and rotation.
        crop: the part that the container shows; None for the whole picture.
        rotation: clockwise degrees to rotate the stored picture: 0, 90, 180 or 270.
        plain_turn: whether the display matrix is only such a rotation (no mirror, no other angle).
        sar: width of a stored pixel divided by its height; 1 if the file doesn't say.
        fps: the nominal rate, for encoding at a constant rate.
        average_fps: frames divided by time.
        vfr: whether the frames are not evenly spaced.
        field_order: which field of interlaced frames comes first, as decoded frames say.
        color_range: "tv", "pc", or "" if the file doesn't say; the same for the other three,
            in FFmpeg's names ("bt709", "smpte170m", "bt2020nc", "arib-std-b67", ...).
        dolby_profile: of Dolby Vision; 0 for other pictures.
        dolby_compatibility: what other decoders see in it: 1 for HDR10, 2 for SDR, 4 for HLG, 0 for
            nothing that they can show.
        keyframe_spacing: longest time from a keyframe to the next one or to the end of the video.
        starts_with_keyframe: whether the first packet can be decoded alone, and is shown first.
        complete_timestamps: whether all packets have timestamps and are in decoding order.
        has_cutting_edit_list: whether the container hides stored frames, which a copy would show.
        frames: number of frames that are shown.
        bitrate: of this track; 0 if the file doesn't say.
        size_changes: whether frames have different sizes, or another than the header says.
        parameters_change: whether the container has several descriptions for the decoder.
        is_damaged: whether frames that were read could not be decoded whole.
        is_protected: whether it is encrypted (DRM).
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
    keyframe_spacing: float
    starts_with_keyframe: bool
    complete_timestamps: bool
    has_cutting_edit_list: bool
    frames: int
    bitrate: int
    tag: str = ""
    crop: Crop | None = None
    size_changes: bool = False
    parameters_change: bool = False
    is_damaged: bool = False
    is_protected: bool = False
    dolby_profile: int = 0
    dolby_compatibility: int = 0

    @property
    def dolby_profile_5(self) -> bool:
        """Whether it is Dolby Vision without a picture that other decoders can show."""
        return self.dolby_profile == 5

    @property
    def interlaced(self) -> bool:
        return self.field_order != "progressive"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """A sound track that is kept.

    Attributes:
        language: two or three lower-case letters; "und" if the file doesn't say.
        title: its name in the file, on one line; often empty.
        bitrate: 0 if the file doesn't say.
        packets: number of packets, with those that the edit list hides.
        described: whether the file has the decoder's parameters once, as MP4 does; MPEG-TS has
            them in each packet.
        is_protected: whether it is encrypted (DRM).
    """

    index: int
    codec: str
    profile: str
    channels: int
    layout: str
    sample_rate: int
    bitrate: int
    packets: int
    language: str = UNKNOWN
    title: str = ""
    described: bool = True
    is_protected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleStream:
    """A track of text subtitles.

    Attributes:
        index: number of the stream in the file, as FFmpeg counts.
        language: two or three lower-case letters; "und" if the file doesn't say.
        title: its name in the file, on one line; often empty.
        forced: meant for all viewers, such as the translation of a sign.
        default: meant to be shown unless the viewer chooses otherwise.
    """

    index: int
    codec: str
    language: str
    title: str
    forced: bool
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """The facts of a file that a plan needs.

    Attributes:
        container: FFmpeg's name of the demuxer ("mov,mp4,m4a,3gp,3g2,mj2").
        timeline: when the video starts and ends, and what its tracks need for that.
        shift_seconds: FFmpeg subtracts the file's first timestamp from all others, also that of a
            track that is not used. This is added to them, so that the video starts at 0.
        whole: whether the file is as long as its own structure says.
        video: None if there is no moving picture; cover art does not count.
        sounds: the sound tracks that can be decoded, the default one first.
        lost_sounds: the formats of those that cannot, without repetitions ("MPEG-H").
        surplus_sounds: number of further sounds that are left out (``Options.max_sounds``).
        subtitles: text subtitles, in the file's order.
        copy_problem: why a copy of the picture could not be published, if one was made; else "".
    """

    container: str
    timeline: Timeline
    shift_seconds: float
    size_bytes: int
    whole: bool
    video: VideoStream | None
    sounds: tuple[AudioStream, ...]
    subtitles: tuple[SubtitleStream, ...] = ()
    lost_sounds: tuple[str, ...] = ()
    surplus_sounds: int = 0
    copy_problem: str = ""

    @property
    def audio(self) -> AudioStream | None:
        """Returns the default sound track; None for a video without sound."""
        return self.sounds[0] if self.sounds else None

    @property
    def duration_seconds(self) -> float:
        """Returns the length of the video."""
        return self.timeline.duration
