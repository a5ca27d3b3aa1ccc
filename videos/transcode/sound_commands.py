"""Options and filters of the sounds in the commands of ``commands``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ffmpeg

from videos.transcode.filling import continuous_sound, lengthened_sound
from videos.transcode.languages import three_letters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videos.transcode.timeline import Timeline
    from videos.transcode.types import Plan, Sound

# Half of each of two microphones: the sum is never clipped, and what both hear alike stays as loud
# as it is. Both ears get it, since a voice at one ear is what nobody meant who set up two.
MIXED = {"inputs": 2, "weights": "0.5 0.5", "normalize": 0}
BOTH_EARS = {"map": "FC-FL|FC-FR", "channel_layout": "stereo"}


def heard_in_outputs(plan: Plan, sound: Sound, inputs: Mapping[int, Any]) -> Sequence[Any]:
    """Returns the stream of a sound for each rendition of a plan.

    Args:
        inputs: by the number of the stream that is read from them.
    """
    streams = [inputs[part.index][str(part.index)] for part in sound.parts]
    if sound.other is None:
        return streams * len(plan.renditions)
    filled = [
        _filled(stream, plan.timeline, part)
        for stream, part in zip(streams, sound.parts, strict=True)
    ]
    mixed = ffmpeg.filter(filled, "amix", **MIXED).filter("channelmap", **BOTH_EARS)
    if len(plan.renditions) == 1:
        return [mixed]
    copies = mixed.filter_multi_output("asplit", len(plan.renditions))
    return [copies[n] for n in range(len(plan.renditions))]


def _filled(stream: Any, timeline: Timeline, sound: Sound) -> Any:
    for text in continuous_sound(timeline, sound):
        name, _, arguments = text.partition("=")
        words = arguments.split(":")
        named = dict(word.split("=") for word in words if "=" in word)
        stream = stream.filter(name, *(word for word in words if "=" not in word), **named)
    return stream


def sound_options(plan: Plan, sounds: Sequence[Sound]) -> dict[str, Any]:
    """Returns the options of an output with these sounds, in this order."""
    options: dict[str, Any] = {}
    for place, sound in enumerate(sounds):
        track = f"a:{place}" if plan.is_separate else "a"
        coding = _coding(sound, plan.timeline)
        options |= {f"{name}:{track}": value for name, value in coding.items()}
        if plan.is_separate:
            # Other players choose by it; ``commands.MUXING`` removes all that the source says.
            options[f"metadata:s:{track}"] = f"language={three_letters(sound.language)}"
            options[f"disposition:{track}"] = "0" if place else "default"
    return options


def _coding(sound: Sound, timeline: Timeline) -> dict[str, Any]:
    if sound.copied:
        return {"c": "copy", **lengthened_sound(timeline, sound)}
    coding = {"c": "aac", "b": sound.bitrate, "ac": 2, "ar": sound.sample_rate}
    if sound.other is not None:
        return coding  # its filters are in the graph
    filters = [*filter(None, [sound.mix]), *continuous_sound(timeline, sound)]
    return {**coding, "filter": ",".join(filters)}
