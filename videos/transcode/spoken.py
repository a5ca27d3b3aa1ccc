"""Finds text and times in caption tracks that `captions.write_vtt` wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.transcode.captions import plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator


def spoken_lines(body: str) -> Iterator[str]:
    """Yields the text of each cue that has text, each as one line."""
    return filter(None, (_text(block) for block in body.split("\n\n")[1:]))


def spoken_at(body: str, place: int) -> tuple[float, str] | None:
    """Returns the start in seconds and the text of the cue at character `place` of the track."""
    start = body.rfind("\n\n", 0, place)
    if start < 0:
        return None
    end = body.find("\n\n", start + 2)
    block = body[start + 2 : end if end >= 0 else None]
    try:
        hours, minutes, seconds = block.split(" ", 1)[0].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds), _text(block)
    except ValueError:
        return None


def _text(block: str) -> str:
    """Returns the text of a block, without the times in its first line."""
    return " ".join(plain_text(block.partition("\n")[2]).split())
