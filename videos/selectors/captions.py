"""The caption tracks of a video, for those who edit them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from videos.transcode.languages import language_name

if TYPE_CHECKING:
    from videos.models import Caption, Video


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRow:
    """A caption track; `language` is the name of the language."""

    code: str
    label: str
    language: str
    is_default: bool
    has_coordinates: bool
    is_withheld: bool


def caption_name(track: Caption, *, is_own: bool) -> str:
    """The name of a track; its language if it is withheld from a member who did not upload the
    video, since coordinates may be in the name."""
    return track.label if is_own or not track.is_withheld else language_name(track.language)


def caption_rows(video: Video, *, is_own: bool) -> list[CaptionRow]:
    """The caption tracks without their text. One query.

    Args:
        is_own: whether the member has uploaded the video.
    """
    return [
        CaptionRow(
            code=track.code,
            label=caption_name(track, is_own=is_own),
            language=language_name(track.language),
            is_default=track.is_default,
            has_coordinates=track.has_coordinates,
            is_withheld=track.is_withheld,
        )
        for track in video.captions.present().defer("body")
    ]
