"""What is in a file: ffprobe, asked twice with every door but one closed.

The first run reads the headers, the second lists the chosen picture track's packets. Both get the
whitelists of ``formats``, an absolute ``file:`` address and limits of time and memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from videos.transcode.container import is_whole
from videos.transcode.errors import CUT_SHORT, FfmpegFailed, OutOfMemory, SourceError
from videos.transcode.formats import PICTURE_CODECS, input_options
from videos.transcode.run import Limits, capture
from videos.transcode.timing import PACKET_ENTRIES, PacketReader, Timing, nominal_rate
from videos.transcode.types import (
    GIB,
    AudioStream,
    FieldOrder,
    Hdr,
    MediaInfo,
    Options,
    Tick,
    VideoStream,
    no_tick,
)

if TYPE_CHECKING:
    from pathlib import Path

PROBE_MEMORY_BYTES = GIB
MAX_HEADER_BYTES = 8 * 1024 * 1024
FRAMES_SLACK = 1.2  # over the longest video at the highest rate that is published
MISSING_AT_END_SECONDS = 1.0  # how much a track may fall short of what its header says
TOO_MANY_TRACKS = "exceeds max_streams"  # which FFmpeg reports as a lack of memory

FIELD_ORDERS: Mapping[str, FieldOrder] = {"tt": "tff", "bt": "tff", "bb": "bff", "tb": "bff"}
HDR_TRANSFERS: Mapping[str, Hdr] = {"smpte2084": "pq", "arib-std-b67": "hlg"}

Json = Mapping[str, Any]


def probe(path: Path, *, options: Options, tick: Tick = no_tick) -> MediaInfo:
    """Read the facts of a file.

    Raises:
        SourceError: it is not a video of an accepted kind, or damaged beyond reading.
        ProcessingError: ffprobe could not be run to its end.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size == 0:
        raise SourceError("The file is empty. Please upload it again.")
    whole = is_whole(path)
    header = _header(path, options, whole, tick)
    streams = cast("list[Json]", header.get("streams", []))
    container = cast("Json", header.get("format", {}))
    chosen = _choose_video(streams)
    if chosen and not _int(chosen.get("width")):
        # FFmpeg itself drops what -max_pixels forbids.
        raise SourceError(
            "The picture is too large or cannot be read. Please export the video with at most"
            f" {options.max_pixels // 1_000_000} million pixels, which is more than 4K."
        )
    sound = _choose_audio(streams)
    timing = _timing(path, int(chosen["index"]), options, tick) if chosen else None
    return MediaInfo(
        container=str(container.get("format_name", "")),
        duration_seconds=_duration(container, chosen, sound, timing),
        size_bytes=size,
        whole=whole and _reaches_its_end(chosen, timing),
        video=_video(chosen, timing) if chosen and timing else None,
        audio=_audio(sound, _float(container.get("start_time"))) if sound else None,
    )


# -- asking


def _header(path: Path, options: Options, whole: bool, tick: Tick) -> Json:
    pieces = bytearray()

    def keep(piece: bytes) -> None:
        pieces.extend(piece)
        if len(pieces) > MAX_HEADER_BYTES:
            raise SourceError("The file describes more than a video needs and was refused.")

    try:
        _ffprobe(
            path,
            ["-show_streams", "-show_format", "-of", "json=compact=1"],
            options=options,
            on_output=keep,
            tick=tick,
        )
    except FfmpegFailed as error:
        raise _refusal(error.detail, options.accepted, whole) from error
    except OutOfMemory as error:
        # A hundredth of the limit is enough for what films have; only tables that lie ask for all.
        raise _refusal(error.detail, options.accepted, whole) from error
    return cast("Json", json.loads(pieces.decode("utf-8", "replace")))


def _timing(path: Path, index: int, options: Options, tick: Tick) -> Timing:
    reader = PacketReader()
    most = round(options.max_duration_seconds * options.max_fps * FRAMES_SLACK)

    def feed(piece: bytes) -> None:
        reader.feed(piece)
        if reader.frames > most:
            raise SourceError(
                "The file holds more pictures than the longest video may. Please upload it in"
                " parts."
            )

    questions = ["-select_streams", str(index), "-show_entries", PACKET_ENTRIES]
    try:
        _ffprobe(
            path,
            [*questions, "-of", "csv=print_section=0"],
            options=options,
            on_output=feed,
            tick=tick,
        )
    except FfmpegFailed as error:
        raise SourceError(
            "The file is damaged and cannot be read to its end. Please upload it again.",
            detail=error.detail,
        ) from error
    return reader.timing()


def _ffprobe(
    path: Path,
    questions: Iterable[str],
    *,
    options: Options,
    on_output: Callable[[bytes], None],
    tick: Tick,
) -> None:
    doors = input_options(options.accepted, options.max_pixels, options.max_streams)
    capture(
        [
            *(options.ffprobe, "-v", "error"),
            *(word for name, value in doors.items() for word in (f"-{name}", value)),
            *questions,
            f"file:{path.absolute()}",
        ],
        limits=Limits(
            wall_seconds=options.probe_seconds,
            memory_bytes=PROBE_MEMORY_BYTES,
            file_bytes=0,
            nice=options.nice,
        ),
        on_output=on_output,
        tick=tick,
    )


def _refusal(words: str, accepted: tuple[str, ...], whole: bool) -> SourceError:
    """Say for people why ffprobe would not open the file, from its own words."""
    kinds = ", ".join(accepted)
    codec = re.search(r"Codec \(([\w.-]+)\) not on whitelist", words)
    if codec is not None:
        sentence = (
            f"The file holds a track of the kind “{codec[1]}”, which is not supported here."
            " Please convert it to an MP4 file and upload that."
        )
    elif "Format not on whitelist" in words:
        sentence = f"This is not a video file of a kind that is accepted here ({kinds})."
    elif not whole:
        sentence = CUT_SHORT
    elif TOO_MANY_TRACKS in words:
        sentence = "The file holds too many tracks. Please export it with one picture track."
    else:
        sentence = (
            "This is not a video, or it is damaged beyond reading."
            f" Files of these kinds are accepted: {kinds}."
        )
    return SourceError(sentence, detail=words)


# -- choosing


def _choose_video(streams: Iterable[Json]) -> Json | None:
    """The default moving picture with the most pixels; a phone's depth map is not the default.

    Beside a real video, JPEG or PNG is its cover, whatever the container calls it.
    """
    candidates = [one for one in streams if _moves(one)]
    return max(
        candidates,
        key=lambda one: (
            one.get("codec_name") not in PICTURE_CODECS,
            _disposition(one, "default"),
            _int(one.get("width")) * _int(one.get("height")),
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
    # Cover art in a container that has no word for it.
    single = _int(stream.get("nb_frames")) == 1 or stream.get("r_frame_rate") == "90000/1"
    return not (stream.get("codec_name") in PICTURE_CODECS and single)


def _choose_audio(streams: Iterable[Json]) -> Json | None:
    """The default sound track, else the first; one that cannot be decoded has no sample rate."""
    candidates = [
        one
        for one in streams
        if one.get("codec_type") == "audio"
        and one.get("codec_name", "unknown") != "unknown"
        and _int(one.get("sample_rate"))
        and _int(one.get("channels"))
    ]
    return max(
        candidates,
        key=lambda one: (_disposition(one, "default"), -int(one["index"])),
        default=None,
    )


def _disposition(stream: Json, name: str) -> int:
    return int(stream.get("disposition", {}).get(name, 0))


# -- reading


def _video(stream: Json, timing: Timing) -> VideoStream:
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
        dolby_profile_5=any(_int(one.get("dv_profile")) == 5 for one in _side_data(stream)),
        keyframe_spacing=timing.keyframe_spacing,
        starts_with_keyframe=timing.starts_with_keyframe,
        complete_timestamps=timing.complete,
        has_cutting_edit_list=timing.hides_frames,
        frames=timing.frames,
        bitrate=_int(stream.get("bit_rate")),
    )


def _audio(stream: Json, start: float) -> AudioStream:
    return AudioStream(
        index=int(stream["index"]),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        channels=_int(stream.get("channels")),
        layout=str(stream.get("channel_layout", "")),
        sample_rate=_int(stream.get("sample_rate")),
        bitrate=_int(stream.get("bit_rate")),
        delay=_float(stream.get("start_time")) - start,
    )


def _duration(
    container: Json, video: Json | None, audio: Json | None, timing: Timing | None
) -> float:
    """From the file's first timestamp to the last end of the two chosen tracks.

    Where the sound doesn't say its length (Matroska), the container's is the best that there is.
    """
    start = _float(container.get("start_time"))
    ends = []
    if timing is not None and timing.end is not None:
        ends.append(timing.end)
    if audio is not None and _float(audio.get("duration")):
        ends.append(_float(audio.get("start_time")) + _float(audio.get("duration")))
    if not ends or (audio is not None and not _float(audio.get("duration"))):
        ends.append(start + _float(container.get("duration")))
    if timing is not None and timing.end is None and video is not None:
        ends.append(_float(video.get("start_time")) + _float(video.get("duration")))
    return max(0.0, max(ends) - start)


def _reaches_its_end(stream: Json | None, timing: Timing | None) -> bool:
    """The packets go on for as long as the track's own header says."""
    if stream is None or timing is None or timing.start is None or timing.end is None:
        return True
    declared = _float(stream.get("duration"))
    missing = declared - (timing.end - timing.start)
    return missing <= max(MISSING_AT_END_SECONDS, 0.02 * declared)


class _Turn(NamedTuple):
    degrees: int  # clockwise
    plain: bool


def _turn(stream: Json) -> _Turn:
    """The display matrix (ISO/IEC 14496-12, 8.3.2) as quarter turns, if it is that."""
    for data in _side_data(stream):
        if "displaymatrix" not in data:
            continue
        # ffprobe counts counter-clockwise.
        clockwise = -_float(data.get("rotation")) % 360
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
    # A shape beyond this is a mistake of whoever wrote it.
    return sar if Fraction(1, 8) <= sar <= 8 else Fraction(1)


def _bit_depth(pix_fmt: str) -> int:
    deep = re.search(r"(?:p0?|gray|x2rgb|x2bgr|p[24])(9|10|12|14|16)(?:le|be)?$", pix_fmt)
    return int(deep[1]) if deep else 8


def _known(value: object) -> str:
    text = str(value or "")
    return "" if text in ("unknown", "unspecified", "reserved") else text


def _fraction(value: object) -> Fraction:
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        return Fraction(0)


def _float(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _int(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
