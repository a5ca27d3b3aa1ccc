"""Chooses the tracks of a file from ffprobe's output, and reads their facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from videos.transcode.formats import PICTURE_CODECS, TEXT_SUBTITLE_CODECS
from videos.transcode.frames import NO_FRAMES, FrameFacts
from videos.transcode.languages import language_code
from videos.transcode.matroska import NOT_CROPPED, CroppedTrack
from videos.transcode.media import AudioStream, FieldOrder, Hdr, SubtitleStream, VideoStream
from videos.transcode.sample_entries import SampleDescriptions
from videos.transcode.sound_tracks import public_title
from videos.transcode.timing import nominal_rate

if TYPE_CHECKING:
    from videos.transcode.timing import Timing

# The order in which fields are stored. Writers and decoders disagree about what "tb" and "bt" mean
# for the order in which they are shown; FFmpeg's decoders take the first letter, too.
FIELD_ORDERS: Mapping[str, FieldOrder] = {"tt": "tff", "tb": "tff", "bb": "bff", "bt": "bff"}
# Codecs whose decoders know the field order of each frame; containers may be wrong about it.
SELF_DESCRIBING = frozenset(
    {"h264", "mpeg2video", "mpeg1video", "mpeg4", "prores", "dnxhd", "dvvideo", "vc1", "ffv1"}
)
HDR_TRANSFERS: Mapping[str, Hdr] = {"smpte2084": "pq", "arib-std-b67": "hlg"}

MAX_SUBTITLES = 32
TITLE_CHARACTERS = 100
MAX_LAID_OUT_CHANNELS = 8  # with more, FFmpeg has no default layout to mix down from

Json = Mapping[str, Any]


# -- choosing


def choose_video(streams: Iterable[Json]) -> Json | None:
    """Returns the default moving picture with the most pixels; None if there is none.

    A phone's depth map is not the default track. A JPEG or PNG track beside a video is its cover,
    whatever the container calls it.
    """
    candidates = [one for one in streams if _moves(one)]
    return max(
        candidates,
        key=lambda one: (
            _known(one.get("pix_fmt")) != "",  # else FFmpeg cannot decode it
            one.get("codec_name") not in PICTURE_CODECS,
            _disposition(one, "default"),
            whole_number(one.get("width")) * whole_number(one.get("height")),
            -int(one["index"]),
        ),
        default=None,
    )


def _moves(stream: Json) -> bool:
    if stream.get("codec_type") != "video":
        return False
    if any(
        _disposition(stream, name) for name in ("attached_pic", "timed_thumbnails", "still_image")
    ):
        return False
    # Cover art in containers that cannot mark it.
    single = whole_number(stream.get("nb_frames")) == 1 or stream.get("r_frame_rate") == "90000/1"
    return not (stream.get("codec_name") in PICTURE_CODECS and single)


def sound_tracks(streams: Iterable[Json]) -> list[Json]:
    """Returns the sound tracks of known codecs, the default ones first, then in the file's order.

    A track without parameters has no sample rate.
    """
    return [
        one
        for one in all_sounds(streams)
        if one.get("codec_name", "unknown") != "unknown"
        and whole_number(one.get("sample_rate"))
        and whole_number(one.get("channels"))
    ]


def all_sounds(streams: Iterable[Json]) -> list[Json]:
    """Returns all sound tracks, the default ones first, then in the file's order."""
    return sorted(
        (one for one in streams if is_sound(one)),
        key=lambda one: (-_disposition(one, "default"), int(one["index"])),
    )


def is_sound(stream: Json) -> bool:
    return stream.get("codec_type") == "audio"


def channel_mix(channels: int, layout: str) -> str:
    """Returns the filter that comes before all others for channels that FFmpeg cannot mix down; ""
    for others.

    The first channel of ambisonic sound is what a microphone in the same place records.
    """
    if layout.startswith("ambisonic"):
        return "pan=mono|c0=c0"
    return "pan=stereo|c0=c0|c1=c1" if channels > MAX_LAID_OUT_CHANNELS else ""


def _disposition(stream: Json, name: str) -> int:
    return int(stream.get("disposition", {}).get(name, 0))


# -- reading


def read_video(
    stream: Json,
    timing: Timing,
    frames: FrameFacts = NO_FRAMES,
    *,
    descriptions: SampleDescriptions | None = None,
    cropping: CroppedTrack = NOT_CROPPED,
) -> VideoStream:
    """Returns the facts of the chosen video track, from ffprobe's header, packets and frames."""
    pix_fmt = _known(stream.get("pix_fmt"))
    return VideoStream(
        index=int(stream["index"]),
        codec=_known(stream.get("codec_name")),
        tag=str(stream.get("codec_tag_string", "")),
        profile=str(stream.get("profile", "")),
        pix_fmt=pix_fmt,
        bit_depth=_bit_depth(pix_fmt),
        fps=nominal_rate(timing, _fraction(stream.get("r_frame_rate"))),
        average_fps=timing.average_fps,
        vfr=timing.vfr,
        color_range="pc" if pix_fmt.startswith("yuvj") else _known(stream.get("color_range")),
        color_matrix=_known(stream.get("color_space")),
        color_primaries=_known(stream.get("color_primaries")),
        color_transfer=_known(stream.get("color_transfer")),
        hdr=hdr_of(stream),
        keyframe_spacing=timing.keyframe_spacing,
        starts_with_keyframe=timing.starts_with_keyframe,
        complete_timestamps=timing.complete,
        has_cutting_edit_list=timing.hides_frames,
        frames=timing.frames,
        bitrate=whole_number(stream.get("bit_rate")),
        **shape_of(stream, frames, cropping),
        **_seen(stream, frames),
        **_dolby(stream),
        parameters_change=descriptions is not None and descriptions.are_several,
        is_protected=_is_protected(stream, descriptions),
    )


def hdr_of(stream: Json) -> Hdr:
    """Returns the transfer of a picture in high dynamic range; "" for any other."""
    return HDR_TRANSFERS.get(_known(stream.get("color_transfer")), "")


def shape_of(
    stream: Json, frames: FrameFacts = NO_FRAMES, cropping: CroppedTrack = NOT_CROPPED
) -> dict[str, Any]:
    """Returns the attributes of `VideoStream` that concern its size and rotation."""
    turn = _turn(stream)
    header = (int(stream["width"]), int(stream["height"]))
    sizes = {header, *frames.sizes}
    stored = frames.sizes[0] if frames.sizes else header
    # Not for rotated pictures: FFmpeg rotates before it crops, and nobody writes such files.
    crop = cropping.crop if sizes == {cropping.stored} and not turn.degrees else None
    sar = cropping.sar if crop else _sar(stream)
    width, height = (crop.width, crop.height) if crop else stored
    shown = (max(1, round(width * sar)), height)
    return {
        "coded_width": stored[0],
        "coded_height": stored[1],
        "width": shown[1] if turn.degrees % 180 else shown[0],
        "height": shown[0] if turn.degrees % 180 else shown[1],
        "rotation": turn.degrees,
        "plain_turn": turn.plain,
        "crop": crop,
        "sar": sar,
        "size_changes": len(sizes) > 1,
    }


def _dolby(stream: Json) -> dict[str, Any]:
    """Returns the attributes of `VideoStream` that concern Dolby Vision."""
    for one in _side_data(stream):
        if profile := whole_number(one.get("dv_profile")):
            compatibility = whole_number(one.get("dv_bl_signal_compatibility_id"))
            return {"dolby_profile": profile, "dolby_compatibility": compatibility}
    return {}


def _seen(stream: Json, frames: FrameFacts) -> dict[str, Any]:
    """Returns the attributes of `VideoStream` that only frames show."""
    return {"field_order": _field_order(stream, frames), "is_damaged": frames.are_damaged}


def _field_order(stream: Json, frames: FrameFacts) -> FieldOrder:
    """Returns the order that frames have. What the header says counts only for codecs that do not
    know it, and where no frame could be decoded."""
    if frames.field_order not in (None, "progressive") or (
        frames.field_order and stream.get("codec_name") in SELF_DESCRIBING
    ):
        return frames.field_order
    return FIELD_ORDERS.get(str(stream.get("field_order")), "progressive")


def _is_protected(stream: Json, descriptions: SampleDescriptions | None) -> bool:
    """Whether a track is encrypted: by its sample entry in MP4, by FFmpeg's tag in Matroska."""
    return (descriptions is not None and descriptions.is_protected) or _tag(
        stream, "enc_key_id"
    ) != ""


def read_audio(
    stream: Json, *, packets: int, descriptions: SampleDescriptions | None = None
) -> AudioStream:
    """Returns the facts of a sound track."""
    return AudioStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        channels=whole_number(stream.get("channels")),
        layout=str(stream.get("channel_layout", "")),
        sample_rate=whole_number(stream.get("sample_rate")),
        bitrate=whole_number(stream.get("bit_rate")),
        packets=packets,
        language=language_code(_tag(stream, "language")),
        title=public_title(_one_line(_tag(stream, "title"))),
        described=whole_number(stream.get("extradata_size")) > 0,
        is_protected=_is_protected(stream, descriptions),
    )


def read_subtitles(streams: Iterable[Json]) -> tuple[SubtitleStream, ...]:
    """Returns the text subtitle tracks, without those that are pictures (Blu-ray, DVD, DVB)."""
    found = [
        SubtitleStream(
            index=int(one["index"]),
            codec=str(one["codec_name"]),
            language=language_code(_tag(one, "language")),
            title=_one_line(_tag(one, "title")),
            forced=bool(_disposition(one, "forced")),
            default=bool(_disposition(one, "default")),
        )
        for one in streams
        if one.get("codec_type") == "subtitle" and one.get("codec_name") in TEXT_SUBTITLE_CODECS
    ]
    return tuple(found[:MAX_SUBTITLES])


class _Turn(NamedTuple):
    degrees: int  # clockwise
    plain: bool


def _turn(stream: Json) -> _Turn:
    """Returns the display matrix (ISO/IEC 14496-12, 8.3.2) as quarter turns, if it is one."""
    for data in _side_data(stream):
        if "displaymatrix" not in data:
            continue
        # ffprobe gives the angle counter-clockwise.
        clockwise = -number(data.get("rotation")) % 360
        quarters = round(clockwise / 90)
        straight = abs(clockwise - 90 * quarters) < 1
        rows = [line.split(":")[1].split() for line in data["displaymatrix"].strip().split("\n")]
        (a, b, _), (c, d, _) = (tuple(int(cell) for cell in row) for row in rows[:2])
        mirrored = a * d - b * c < 0
        return _Turn(90 * quarters % 360 if straight else 0, straight and not mirrored)
    return _Turn(0, True)


def _side_data(stream: Json) -> list[Json]:
    return cast("list[Json]", stream.get("side_data_list", []))


def _sar(stream: Json) -> Fraction:
    sar = _fraction(str(stream.get("sample_aspect_ratio", "")).replace(":", "/"))
    # A more extreme shape is a mistake of the file's writer.
    return sar if Fraction(1, 8) <= sar <= 8 else Fraction(1)


def _bit_depth(pix_fmt: str) -> int:
    deep = re.search(r"(?:p0?|gray|x2rgb|x2bgr|p[24])(9|10|12|14|16)(?:le|be)?$", pix_fmt)
    return int(deep[1]) if deep else 8


def _tag(stream: Json, name: str) -> str:
    tags = {str(key).lower(): str(value) for key, value in stream.get("tags", {}).items()}
    return tags.get(name, "")


def _one_line(text: str) -> str:
    shown = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(shown.split())[:TITLE_CHARACTERS].rstrip()


def _known(value: object) -> str:
    text = str(value or "")
    return "" if text in ("unknown", "unspecified", "reserved") else text


def _fraction(value: object) -> Fraction:
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def number(value: object) -> float:
    """Returns a number of ffprobe's output; 0 for anything else ("N/A")."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def whole_number(value: object) -> int:
    """Returns a whole number of ffprobe's output; 0 for anything else."""
    try:
        return int(str(value))
    except ValueError:
        return 0
