"""The caption tracks of a video, for those who edit them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videos.transcode.languages import language_name

if TYPE_CHECKING:
    from videos.models import Video


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRow:
    """A caption track; `language` is the name of the language."""

    code: str
    label: str
    language: str
    is_default: bool
    has_coordinates: bool
    is_withheld: bool


def caption_rows(video: Video) -> list[CaptionRow]:
    """The caption tracks without their text. One query."""
    return [
        CaptionRow(
            code=track.code,
            label=track.label,
            language=language_name(track.language),
            is_default=track.is_default,
            has_coordinates=track.has_coordinates,
            is_withheld=track.is_withheld,
        )
        for track in video.captions.present().defer("body")
    ]
