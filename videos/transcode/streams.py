"""Chooses the tracks of a file from ffprobe's output, and reads their facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from videos.transcode.formats import PICTURE_CODECS, TEXT_SUBTITLE_CODECS
from videos.transcode.languages import language_code
from videos.transcode.media import AudioStream, FieldOrder, Hdr, SubtitleStream, VideoStream
from videos.transcode.timing import nominal_rate

if TYPE_CHECKING:
    from videos.transcode.timing import Timing

FIELD_ORDERS: Mapping[str, FieldOrder] = {"tt": "tff", "bt": "tff", "bb": "bff", "tb": "bff"}
HDR_TRANSFERS: Mapping[str, Hdr] = {"smpte2084": "pq", "arib-std-b67": "hlg"}

MAX_SUBTITLES = 32
TITLE_CHARACTERS = 100

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


def choose_audio(streams: Iterable[Json]) -> Json | None:
    """Returns the default sound track, else the first that can be decoded; None if there is none.

    A track that cannot be decoded has no sample rate.
    """
    candidates = [
        one
        for one in streams
        if one.get("codec_type") == "audio"
        and one.get("codec_name", "unknown") != "unknown"
        and whole_number(one.get("sample_rate"))
        and whole_number(one.get("channels"))
    ]
    return max(
        candidates,
        key=lambda one: (_disposition(one, "default"), -int(one["index"])),
        default=None,
    )


def _disposition(stream: Json, name: str) -> int:
    return int(stream.get("disposition", {}).get(name, 0))


# -- reading


def read_video(stream: Json, timing: Timing) -> VideoStream:
    """Returns the facts of the chosen video track, from ffprobe's header and packets."""
    pix_fmt = str(stream.get("pix_fmt", ""))
    turn = _turn(stream)
    sar = _sar(stream)
    width, height = int(stream["width"]), int(stream["height"])
    shown = (max(1, round(width * sar)), height)
    transfer = _known(stream.get("color_transfer"))
    return VideoStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        pix_fmt=pix_fmt,
        bit_depth=_bit_depth(pix_fmt),
        coded_width=width,
        coded_height=height,
        width=shown[1] if turn.degrees % 180 else shown[0],
        height=shown[0] if turn.degrees % 180 else shown[1],
        rotation=turn.degrees,
        plain_turn=turn.plain,
        sar=sar,
        fps=nominal_rate(timing, _fraction(stream.get("r_frame_rate"))),
        average_fps=timing.average_fps,
        vfr=timing.vfr,
        field_order=FIELD_ORDERS.get(str(stream.get("field_order")), "progressive"),
        color_range="pc" if pix_fmt.startswith("yuvj") else _known(stream.get("color_range")),
        color_matrix=_known(stream.get("color_space")),
        color_primaries=_known(stream.get("color_primaries")),
        color_transfer=transfer,
        hdr=HDR_TRANSFERS.get(transfer, ""),
        dolby_profile_5=any(whole_number(one.get("dv_profile")) == 5 for one in _side_data(stream)),
        keyframe_spacing=timing.keyframe_spacing,
        starts_with_keyframe=timing.starts_with_keyframe,
        complete_timestamps=timing.complete,
        has_cutting_edit_list=timing.hides_frames,
        frames=timing.frames,
        bitrate=whole_number(stream.get("bit_rate")),
    )


def read_audio(stream: Json, start: float) -> AudioStream:
    """Returns the facts of the chosen sound track; ``start``: the file's first timestamp."""
    return AudioStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        channels=whole_number(stream.get("channels")),
        layout=str(stream.get("channel_layout", "")),
        sample_rate=whole_number(stream.get("sample_rate")),
        bitrate=whole_number(stream.get("bit_rate")),
        delay=number(stream.get("start_time")) - start,
        described=whole_number(stream.get("extradata_size")) > 0,
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
