"""All kinds of hostile files by name."""

from __future__ import annotations

from tests.hostile import avi, matroska, media, mp4, texts
from tests.hostile.bait import Kind

KINDS: dict[str, Kind] = {
    name: kind
    for group in (texts.KINDS, mp4.KINDS, matroska.KINDS, avi.KINDS, media.KINDS)
    for name, kind in group.items()
}
assert len(KINDS) == sum(
    map(len, (texts.KINDS, mp4.KINDS, matroska.KINDS, avi.KINDS, media.KINDS))
)
