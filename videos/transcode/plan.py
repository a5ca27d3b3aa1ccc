"""Decides what to do with a source. All rules are here and in ``plan_sounds``, and nothing else.

A picture that browsers play is copied bit for bit; any other becomes H.264 with AAC. The reasons to
encode are stored as text for logs.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from videos.filenames import COPY
from videos.transcode.budget import fitted, fitted_lower
from videos.transcode.errors import CUT_SHORT, SourceError
from videos.transcode.ladder import Renditions, encoded_rendition, fit, pixel_rate, rungs_below
from videos.transcode.media import MediaInfo, VideoStream
from videos.transcode.nal import OTHER_PARAMETERS
from videos.transcode.plan_sounds import plan_sounds
from videos.transcode.refusals import PROTECTED, unreadable_codec
from videos.transcode.types import Options, Plan, PlannedRendition, Treatment

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Players can seek only to keyframes, and fragments begin with them.
COPY_KEYFRAME_SECONDS = 6.0

FPS_SLACK = 1.005  # a file of 60 fps may have 60.02 because of rounded timestamps
STILL_FPS = Fraction(10)  # for a single frame that is shown as long as there is sound
LOWEST_FPS = Fraction(1)  # for slide shows: keyframes every few seconds are still on frames


COPY_PIXELS = frozenset({"yuv420p", "yuvj420p"})
COPY_PROFILES = frozenset({"Constrained Baseline", "Baseline", "Main", "High"})
COPY_MATRICES = frozenset({"", "bt709", "smpte170m", "bt470bg"})
COPY_PRIMARIES = COPY_MATRICES | {"smpte432"}  # browsers play 8-bit Display P3 with its colours
WIDE_PRIMARIES = frozenset({"bt2020", "smpte431", "smpte432"})

# ITU-R BT.601 covers sizes up to PAL's 720 x 576; larger pictures without tags are BT.709.
SD_WIDTH, SD_HEIGHT = 1024, 576


def make_plan(info: MediaInfo, options: Options) -> Plan:
    """Returns the plan for a source.

    Raises:
        SourceError: the file cannot become a video; the sentence says why.
        NoStorageError: the result has no room.
    """
    video = _accept(info, options)
    found = (info.copy_problem,) if info.copy_problem else ()
    reasons = reasons_to_encode(video, options) + found
    now, later = _encoded_renditions(video, options) if reasons else _copy(video, info, options)
    sounds = plan_sounds(info, video, options, copied=not reasons)
    plan = Plan(
        timeline=info.timeline,
        shift_seconds=info.shift_seconds,
        frames=video.frames,
        video_index=video.index,
        reasons=reasons,
        treatment=_treatment(video, options) if reasons else None,
        renditions=now,
        later=tuple(rung.name for rung in later),
        keeps_times=False,
        sounds=sounds,
    )
    return fitted(plan, options)


def plan_lower(
    info: MediaInfo, options: Options, *, there: Collection[str] = frozenset()
) -> Plan | None:
    """Returns the plan for the smaller renditions of a published video; None if there are none.

    A plan without renditions has only ones that are left out for want of room, in ``later``.
    All renditions have the same sound, so that players can switch between them. Of several sounds
    they have none: players load them from the published file (``Plan.sounds_of``).

    Args:
        info: facts of the published file, not of the upload.
        there: names of renditions that exist already.

    Raises:
        SourceError: the file cannot be what was published.
    """
    video = _accept(info, options)
    _, ladder = _copy(video, info, options)
    sounds = plan_sounds(info, video, options, copied=True)
    rungs = tuple(rung for rung in ladder if rung.name not in there)
    if not rungs:
        return None
    plan = Plan(
        timeline=info.timeline,
        shift_seconds=info.shift_seconds,
        frames=video.frames,
        video_index=video.index,
        reasons=("smaller renditions",),
        treatment=_treatment(video, options),
        renditions=rungs,
        later=(),
        keeps_times=True,
        sounds=sounds if len(sounds) == 1 else (),
    )
    return fitted_lower(plan, options)


def _accept(info: MediaInfo, options: Options) -> VideoStream:
    video = info.video
    if not info.whole:
        raise SourceError(CUT_SHORT)
    if video is None:
        what = "only sound" if info.audio else "no video track"
        raise SourceError(f"This file has {what}. Upload a video.")
    if video.coded_width * video.coded_height > options.max_pixels:
        size = f"{video.coded_width} × {video.coded_height}"
        raise SourceError(
            f"The resolution is too high ({size}). Export the video with at most"
            f" {options.max_pixels // 1_000_000} million pixels, which is more than 4K."
        )
    if video.is_protected or (info.audio is not None and info.audio.is_protected):
        raise SourceError(PROTECTED)
    if not video.pix_fmt:
        raise SourceError(unreadable_codec(video.codec, video.tag))
    if video.frames == 0:
        raise SourceError("We couldn't find a video track in this file.")
    if info.duration_seconds > options.max_duration_seconds:
        hours = options.max_duration_seconds / 3600
        raise SourceError(
            f"This video is longer than the {hours:g}-hour limit. Upload it in parts."
        )
    if video.dolby_profile_5:
        raise SourceError(
            "This video is in Dolby Vision profile 5, and browsers can't show its colors. Export it"
            " as HDR10, HLG or SDR."
        )
    return video


# -- the picture


def reasons_to_encode(video: VideoStream, options: Options) -> tuple[str, ...]:
    """Returns why the picture cannot be copied; an empty tuple if it can."""
    rules = {
        f"codec {video.codec}": video.codec != "h264",
        f"profile {video.profile}": video.codec == "h264" and video.profile not in COPY_PROFILES,
        f"pixel format {video.pix_fmt}": video.pix_fmt not in COPY_PIXELS,
        "high dynamic range": video.hdr != "",
        "colours that browsers show differently": not _plain_colours(video),
    }
    return (*holding(rules), *reasons_of_size(video, options), *reasons_against_copy(video))


def reasons_of_size(video: VideoStream, options: Options) -> tuple[str, ...]:
    """Returns the reasons to encode a picture that browsers may be able to play as it is."""
    short, long = sorted((video.width, video.height))
    return holding(
        {
            f"larger than {options.max_short_side}p": (
                short > options.max_short_side or long > options.max_long_side
            ),
            f"more than {options.max_fps} frames a second": (
                video.average_fps > options.max_fps * FPS_SLACK
            ),
            "keyframes too far apart": video.keyframe_spacing > COPY_KEYFRAME_SECONDS,
        }
    )


def reasons_against_copy(video: VideoStream) -> tuple[str, ...]:
    """Returns why a picture could not be copied whatever its codec and its size."""
    return holding(
        {
            "interlaced": video.interlaced,
            "pixels are not square": not _square(video),
            "odd size": video.width % 2 == 1 or video.height % 2 == 1,
            "cropped by the container": video.crop is not None,
            "size that changes": video.size_changes,
            OTHER_PARAMETERS: video.parameters_change,
            "frames that cannot be decoded": video.is_damaged,
            "mirrored or turned by no quarter": not video.plain_turn,
            "it does not start with a keyframe": not video.starts_with_keyframe,
            "the container hides frames": video.has_cutting_edit_list,
            "incomplete timestamps": not video.complete_timestamps,
        }
    )


def holding(rules: Mapping[str, bool]) -> tuple[str, ...]:
    """Returns the reasons that hold."""
    return tuple(reason for reason, holds in rules.items() if holds)


def _square(video: VideoStream) -> bool:
    """Returns whether pixels are square enough to keep the width; some encoders write 4319:4320."""
    width = video.crop.width if video.crop else video.coded_width
    return round(width * video.sar) == width


def _plain_colours(video: VideoStream) -> bool:
    if video.color_matrix not in COPY_MATRICES or video.color_primaries not in COPY_PRIMARIES:
        return False
    # Browsers show full range without a matrix differently.
    return video.color_range != "pc" or video.color_matrix != ""


def _copy(video: VideoStream, info: MediaInfo, options: Options) -> tuple[Renditions, Renditions]:
    """Returns what is published at once, and the renditions that a later run makes."""
    top = PlannedRendition(
        name=COPY,
        width=video.width,
        height=video.height,
        bandwidth=round(8 * info.size_bytes / max(info.duration_seconds, 1.0)),
        encoding=None,
    )
    return (top,), rungs_below(top, _fps(video, options), options)


def _encoded_renditions(video: VideoStream, options: Options) -> tuple[Renditions, Renditions]:
    """Returns the renditions of this run, and those of a later one."""
    fps = _fps(video, options)
    width, height = fit(
        video.width, video.height, short=options.max_short_side, long=options.max_long_side
    )
    top = encoded_rendition(width, height, fps, options)
    ladder = (top, *rungs_below(top, fps, options))
    rate = pixel_rate(video, _treatment(video, options), ladder, preset=options.preset)
    if rate <= options.at_once_pixel_rate:
        return ladder, ()
    return (top,), ladder[1:]


def _field_rate(video: VideoStream, options: Options) -> bool:
    return video.interlaced and 2 * video.fps <= options.max_fps


def _fps(video: VideoStream, options: Options) -> Fraction:
    """Returns the constant frame rate: the source's (of fields if interlaced) or a fraction of it.

    Above the limit it is a whole fraction (120 -> 60, 144 -> 48), so that motion stays smooth.
    """
    fps = 2 * video.fps if _field_rate(video, options) else video.fps
    if video.frames == 1 and video.keyframe_spacing > COPY_KEYFRAME_SECONDS:
        fps = min(fps, STILL_FPS)
    # The rate of a source with less than one frame in half an hour is stored as 0.
    return max(LOWEST_FPS, fps / max(1, math.ceil(fps / options.max_fps)))


def _treatment(video: VideoStream, options: Options) -> Treatment:
    matrix = _matrix(video)
    primaries = video.color_primaries
    if not primaries:
        primaries = "bt2020" if video.hdr else ("bt709" if matrix != "smpte170m" else matrix)
    return Treatment(
        field_order=video.field_order,
        field_rate=_field_rate(video, options),
        stored_size=_stored_size(video),
        crop=video.crop,
        fps=_fps(video, options),
        color_range="pc" if video.color_range == "pc" or matrix == "gbr" else "tv",
        color_matrix=matrix,
        color_primaries=primaries,
        color_transfer=video.color_transfer or "bt709",
        hdr=video.hdr,
        wide_gamut=not video.hdr and primaries in WIDE_PRIMARIES,
    )


def _stored_size(video: VideoStream) -> tuple[int, int]:
    width, height = video.coded_width, video.coded_height
    return (height, width) if video.rotation % 180 else (width, height)


def _matrix(video: VideoStream) -> str:
    if video.pix_fmt.startswith(("gbr", "rgb", "bgr", "argb", "abgr", "pal8", "0rgb", "0bgr")):
        return "gbr"
    # The matrix "gbr" in a file that is not RGB is a mistake of its writer.
    if video.color_matrix and video.color_matrix != "gbr":
        return video.color_matrix
    if video.hdr:
        return "bt2020nc"
    small = video.coded_height <= SD_HEIGHT and video.coded_width <= SD_WIDTH
    return "smpte170m" if small else "bt709"
