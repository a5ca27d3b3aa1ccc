"""Guesses the packets of a file from its header, so that a copy can begin before they are read.

A guess is only a chance to save time: ``early`` uses its copy if the packets lead to the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.transcode.streams import is_sound, number, whole_number
from videos.transcode.timing import SoundTiming, Timing
from videos.transcode.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videos.transcode.streams import Json


def guessed_tracks(picture: Json, streams: Iterable[Json]) -> Tracks | None:
    """Returns the packets of a file without surprises that has this header, as most MP4s are.

    None if it does not state them, and for codecs that are not copied.
    """
    sounds = [one for one in streams if is_sound(one)]
    if picture.get("codec_name") != "h264" or any(one.get("codec_name") != "aac" for one in sounds):
        return None
    if not all(_has_counts(one) for one in (picture, *sounds)):
        return None
    return Tracks(_picture(picture), {int(one["index"]): _sound(one) for one in sounds})


def _has_counts(stream: Json) -> bool:
    return whole_number(stream.get("nb_frames")) > 0 and number(stream.get("duration")) > 0


def _picture(stream: Json) -> Timing:
    frames = whole_number(stream.get("nb_frames"))
    start, duration = number(stream.get("start_time")), number(stream.get("duration"))
    return Timing(
        frames=frames,
        start=start,
        end=start + duration,
        average_fps=frames / duration,
        usual_interval=duration / frames,
        longest_interval=duration / frames,
        vfr=False,
        keyframes=2,
        first_keyframe=start,
        first_group=0.0,
        last_group=0.0,
        keyframe_spacing=0.0,
        starts_with_keyframe=True,
        complete=True,
        hides_frames=False,
    )


def _sound(stream: Json) -> SoundTiming:
    start = number(stream.get("start_time"))
    return SoundTiming(
        packets=whole_number(stream.get("nb_frames")),
        start=start,
        end=start + number(stream.get("duration")),
        longest_gap=0.0,
        longest_overlap=0.0,
        distance_in_file=0.0,
    )
