"""Facts of a file as text, so that a later run need not probe the file again."""

from __future__ import annotations

import json
from fractions import Fraction

from cattrs import BaseValidationError, Converter

from videos.transcode.media import MediaInfo

_converter = Converter(forbid_extra_keys=True)
_converter.register_unstructure_hook(Fraction, str)
_converter.register_structure_hook(Fraction, lambda value, _: Fraction(value))


def media_as_text(info: MediaInfo) -> str:
    """Returns the facts as JSON, in which a float may be Infinity."""
    return json.dumps(_converter.unstructure(info))


def media_of_text(text: str) -> MediaInfo | None:
    """Returns the facts that `media_as_text` wrote; None for "" and for text of another version of
    the site, which had other facts."""
    try:
        values = json.loads(text)
        return _converter.structure(values, MediaInfo) if isinstance(values, dict) else None
    except (BaseValidationError, ValueError):
        return None
