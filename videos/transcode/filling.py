"""Filters and options by which picture and sound fill their timeline (``timeline``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videos.transcode.timeline import MAX_SOUND_DELAY_SECONDS

if TYPE_CHECKING:
    from fractions import Fraction

    from videos.transcode.timeline import Timeline
    from videos.transcode.types import Plan, Sound

# What the last frame may stand for if the end of a source cannot be decoded.
LOST_SECONDS = 0.5
LOST_SHARE = 0.01
# Times of all usual frame rates are whole numbers in it. MP4 gives sound the sample rate.
PICTURE_TIMESCALE = 120_000


def from_start(plan: Plan) -> dict[str, Any]:
    """Returns options of the filter "fps" that show the first frame from the start on (rule 4).

    Only for late pictures: FFmpeg sets up its filters again when the size of frames changes, and
    would then repeat the frame from the start on once more.
    """
    is_late = plan.timeline.stands_before and not plan.keeps_times
    return {"start_time": 0} if is_late else {}


def short_picture(plan: Plan) -> dict[str, Any]:
    """Returns options of the filter "fps" that keep a picture shorter than one frame of the output.

    It is rounded to no frame at all otherwise. Only for such pictures: a last frame that is rounded
    up could overlap the next ones where FFmpeg sets up its filters again.
    """
    span = plan.timeline.picture
    if plan.treatment is None or span is None:
        return {}
    is_short = (span.end - span.start) * plan.treatment.fps < 1
    return {"eof_action": "pass"} if is_short else {}


def with_last_frame(picture: Any, timeline: Timeline, fps: Fraction) -> Any:
    """Shows the last frame until the end of the video, and ends the picture there.

    The last frame also stands for the last frames of a damaged source, up to ``LOST_SECONDS``: a
    result that lacks more is not published.
    """
    lost = max(LOST_SECONDS, LOST_SHARE * timeline.duration)
    # FFmpeg rounds the end to frames as well, but not always to the same one.
    end = max(1, round(timeline.picture_end * fps)) / fps
    return picture.filter(
        "tpad", stop_mode="clone", stop_duration=f"{timeline.stands_after + lost:.6f}"
    ).filter("trim", end=f"{float(end):.6f}")


def standing_frames(timeline: Timeline, frames: int) -> dict[str, str]:
    """Returns options that show the first and the last frame of a copy longer (rule 4)."""
    if not timeline.stands_before and not timeline.stands_after:
        return {}
    pts, dts, duration = "PTS", "DTS", "DURATION"
    if timeline.stands_before:
        earlier = round(timeline.stands_before * PICTURE_TIMESCALE)
        pts, dts = (f"if(eq(N,0),{time}-{earlier},{time})" for time in (pts, dts))
    if timeline.stands_after:
        end = round(timeline.duration * PICTURE_TIMESCALE)
        duration = f"if(eq(N,{frames - 1}),{end}-{pts},DURATION)"
    return {"bsf:v": _setts(PICTURE_TIMESCALE, pts, dts, duration)}


def lengthened_sound(timeline: Timeline, sound: Sound) -> dict[str, str]:
    """Returns the option that lets the last packet of copied sound last to the end (rule 5)."""
    if sound.need != "lengthen":
        return {}
    end = round(timeline.duration * sound.source_rate)
    duration = f"if(eq(N,{sound.packets - 1}),{end}-PTS,DURATION)"
    return {"bsf": _setts(sound.source_rate, "PTS", "DTS", duration)}


def continuous_sound(timeline: Timeline, sound: Sound) -> list[str]:
    """Returns filters that make sound continuous from the start to the end of the video.

    ``aresample`` fills gaps and drops overlaps, so that sound and picture stay together. It keeps
    the silence in memory (0.4 MB a second), so ``adelay`` makes that in front of late sound.
    """
    late = sound.late_seconds
    milliseconds = round(1000 * late) if late > MAX_SOUND_DELAY_SECONDS else 0
    end = f"{timeline.duration:.6f}"
    filters = ["aresample=async=1:first_pts=0", f"apad=whole_dur={end}", f"atrim=end={end}"]
    if milliseconds:
        filters.insert(0, f"asetpts=PTS-{milliseconds / 1000}/TB")
        filters.insert(2, f"adelay={milliseconds}:all=1")
    return filters


def _setts(timescale: int, pts: str, dts: str, duration: str) -> str:
    """Returns a bitstream filter that changes times, in units of the output track.

    The timescale is given, since a muxer that chooses another one would change the units.
    """
    return f"setts=time_base=1/{timescale}:pts='{pts}':dts='{dts}':duration='{duration}'"
