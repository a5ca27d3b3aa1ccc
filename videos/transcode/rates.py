"""Calculates the rates and the target duration that playlists state (RFC 8216)."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING

from videos.transcode.ladder import ENCODE_KEYFRAME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videos.transcode.fragments import Fragment, FragmentIndex


def target_duration(index: FragmentIndex, *, planned: int = ENCODE_KEYFRAME_SECONDS) -> int:
    """Returns whole seconds that no fragment exceeds by 0.5 s or more (RFC 8216, 4.3.3.1).

    At least ``planned``, so that it stays the same while the file is written. The playlists of the
    picture and of the sounds have the same one (6.2.4).
    """
    parts = itertools.chain(index.fragments, *index.sounds.values())
    longest = max((fragment.duration for fragment in parts), default=Fraction(0))
    return max(planned, math.floor(longest + Fraction(1, 2)))


def peak_bandwidth(index: FragmentIndex) -> int:
    """Returns the highest bit/s of consecutive fragments that last 0.5 to 1.5 target durations.

    See RFC 8216, section 4.1 ("peak segment bit rate"). Returns the average for a file that is too
    short for that, and 0 if there is no fragment. With several sounds, the sum of the picture and
    the largest of them (4.3.4.2).
    """
    target = target_duration(index)
    sounds = (_peak(fragments, target) for fragments in index.sounds.values())
    return math.ceil(_peak(index.fragments, target) + max(sounds, default=Fraction(0)))


def average_bandwidth(index: FragmentIndex) -> int:
    """Returns the bit/s of all fragments together (RFC 8216, 4.3.4.2); 0 if there is none.

    With several sounds, the sum of the picture and the largest of them.
    """
    return math.ceil(_average(index.fragments)) + sound_bandwidth(index)


def sound_bandwidth(index: FragmentIndex) -> int:
    """Returns the bit/s of the largest of several sounds; 0 if their fragments are not separate."""
    sounds = (_average(fragments) for fragments in index.sounds.values())
    return math.ceil(max(sounds, default=Fraction(0)))


def _peak(fragments: Sequence[Fragment], target: int) -> Fraction:
    shortest, longest = Fraction(target, 2), Fraction(3 * target, 2)
    peak = _average(fragments)
    for first in range(len(fragments)):
        size, duration = 0, Fraction(0)
        for fragment in itertools.islice(fragments, first, None):
            size += fragment.size
            duration += fragment.duration
            if duration > longest:
                break
            if duration >= shortest:
                peak = max(peak, Fraction(8 * size) / duration)
    return peak


def _average(fragments: Sequence[Fragment]) -> Fraction:
    duration = sum((fragment.duration for fragment in fragments), Fraction(0))
    return 8 * sum(fragment.size for fragment in fragments) / duration if duration else Fraction(0)
