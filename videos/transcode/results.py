"""What runs of FFmpeg made from a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from videos.transcode.media import Hdr, MediaInfo
    from videos.transcode.sound_tracks import SoundTrack
    from videos.transcode.types import EncoderChoice, Plan, PlannedRendition


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A rendition that was made and checked against its plan.

    Attributes:
        rendition: as planned.
        path: the file, in the work folder.
        width, height: as shown.
        fps: the nominal rate.
        sounds: those to choose from; empty for a file with only one.
        hdr: its transfer; "" for standard dynamic range.
    """

    rendition: PlannedRendition
    path: Path
    width: int
    height: int
    fps: Fraction
    duration_seconds: float
    size_bytes: int
    sounds: tuple[SoundTrack, ...] = ()
    hdr: Hdr = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscodeResult:
    """The result of ``pipeline.transcode``; all files are in its work folder.

    Attributes:
        info: facts of the source.
        plan: what was done and why.
        renditions: as in the plan, the largest first.
        encoder: None for a copy.
        sounds_failed: why at most one of the sounds is in the result, for logs; may contain paths.
    """

    info: MediaInfo
    plan: Plan
    renditions: tuple[Made, ...]
    encoder: EncoderChoice | None
    sounds_failed: str = ""

    @property
    def top(self) -> Made:
        """Returns the largest rendition of this run."""
        return self.renditions[0]
