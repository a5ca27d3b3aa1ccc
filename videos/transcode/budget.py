"""Fits a plan into the bytes that its results may take.

Two bounds hold, and ``Options.most_bytes`` is the smaller one: what any video may grow by
(``most_grown``), and what its member's storage has room for. The caps of the bit rates alone would
allow 100 GB for twelve hours, whatever the size of the source: film grain and slides need next to
nothing in AV1.

Caps are what an encode takes at worst, so smaller renditions that do not fit are not lost: once the
size of the largest one is known, another run has most of the budget left for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from clipset.lib.units import human_bytes
from videos.transcode.caps import OVERHEAD, OVERHEAD_BYTES, most_bytes
from videos.transcode.encoders import BUFFER_SECONDS
from videos.transcode.errors import NoStorageError
from videos.transcode.ladder import LOWEST_MAXRATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from videos.transcode.ladder import Renditions
    from videos.transcode.results import TranscodeResult
    from videos.transcode.types import Options, Plan, PlannedRendition, Sound

# What the encoded renditions of one video take together: at least so much, which lets half an hour
# of 1080p60 have all its renditions at their caps, and so many times the source.
GROWTH_BYTES: Final = 3 * 1024**3
GROWTH: Final = 20
LOWEST_SOUND: Final = 32_000  # bit/s of AAC in stereo
SOUND_SHARE: Final = 0.4  # the most of a budget that sounds take while they can be made smaller
# A result below this share of its lowered cap was hardly held back by it.
HELD_BACK_SHARE: Final = 0.7


def most_grown(source_bytes: int) -> int:
    """Returns the most bytes that the encoded renditions of a video take together."""
    return GROWTH_BYTES + GROWTH * source_bytes


def fitted(plan: Plan, options: Options) -> Plan:
    """Returns the plan within the budget: the largest rendition, with a lower cap if need be, and
    of the smaller ones those that still fit, from the smallest up.

    Raises:
        NoStorageError: even the lowest cap does not fit.
    """
    if options.most_bytes is None:
        return plan
    plan = with_fitted_sounds(plan, options)
    if plan.copied:
        encoded = _sound_bytes((one for one in plan.sounds if not one.copied), plan)
        if encoded > options.most_bytes:
            raise _no_storage(encoded)
        return plan
    top = _fitted_top(plan, options.most_bytes)
    below = plan.renditions[1:]
    plan = replace(plan, renditions=(top,), is_limited=top != plan.top)
    kept = _fitting(below, plan, options.most_bytes - most_bytes(top, plan))
    left_out = tuple(one.name for one in below if one not in kept)
    return replace(plan, renditions=(top, *kept), later=(*left_out, *plan.later))


def with_fitted_sounds(plan: Plan, options: Options) -> Plan:
    """Returns the plan with encoded sounds of lower bit rates if they took most of the budget."""
    most, wanted = options.most_bytes, _sound_bytes(plan.sounds, plan)
    if most is None or wanted <= SOUND_SHARE * most:
        return plan
    share = SOUND_SHARE * most / wanted
    sounds = tuple(
        sound
        if sound.copied
        else replace(sound, bitrate=max(LOWEST_SOUND, int(share * sound.bitrate)))
        for sound in plan.sounds
    )
    return replace(plan, sounds=sounds)


def fitted_lower(plan: Plan, options: Options) -> Plan:
    """Returns a plan of smaller renditions within the budget, those left out in ``later``.

    There may be none left.
    """
    if options.most_bytes is None:
        return plan
    kept = _fitting(plan.renditions, plan, options.most_bytes)
    left_out = tuple(one.name for one in plan.renditions if one not in kept)
    return replace(plan, renditions=kept, later=left_out)


def was_held_back(result: TranscodeResult) -> bool:
    """Returns whether the budget probably made the picture worse."""
    plan, top = result.plan, result.top
    bits = top.rendition.bandwidth * plan.duration_seconds
    return plan.is_limited and 8 * top.size_bytes > HELD_BACK_SHARE * bits


def _fitting(rungs: Renditions, plan: Plan, room: int) -> Renditions:
    kept: list[PlannedRendition] = []
    for rung in reversed(rungs):
        room -= most_bytes(rung, plan)
        if room < 0:
            break
        kept.insert(0, rung)
    return tuple(kept)


def _fitted_top(plan: Plan, most: int) -> PlannedRendition:
    top = plan.top
    assert top.encoding is not None
    if most_bytes(top, plan) <= most:
        return top
    bits = 8 * (most - OVERHEAD_BYTES) / OVERHEAD - 8 * _sound_bytes(plan.sounds, plan)
    cap = int(bits / (plan.duration_seconds + BUFFER_SECONDS))
    lowest = min(LOWEST_MAXRATE, top.encoding.maxrate)
    lowered = replace(top, encoding=replace(top.encoding, maxrate=max(cap, lowest)))
    if cap < lowest:
        raise _no_storage(most_bytes(lowered, plan))
    return replace(lowered, bandwidth=top.bandwidth - top.encoding.maxrate + cap)


def _sound_bytes(sounds: Iterable[Sound], plan: Plan) -> int:
    return round(sum(sound.bitrate for sound in sounds) * plan.duration_seconds / 8)


def _no_storage(wanted: int) -> NoStorageError:
    return NoStorageError(
        f"There isn't enough storage to process this video, which may take {human_bytes(wanted)}."
        " Delete videos you no longer need, or ask an admin to raise your limit. Then try again.",
        detail=f"at least {wanted} bytes are needed",
    )
