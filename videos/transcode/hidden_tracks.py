"""Reads the header of a file in which ffprobe cannot open the decoder of some track."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from videos.transcode.errors import FfmpegFailedError
from videos.transcode.masking import Patch, View, mask_track, masked_view, plain_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Json = Mapping[str, Any]

MAX_HIDDEN: Final = 64  # tracks; finding each one takes a run of ffprobe
MAX_HIDING_SECONDS: Final = 120  # for all of them; each run usually takes 0.06 s
UNOPENED: Final = re.compile(r"Could not open codec for input stream (\d+)\s*$")
DECODER: Final = re.compile(r"^\[(\w+) @ ", re.MULTILINE)
COVER: Final = {"attached_pic": 1}
USAC: Final = "object type 42"  # how FFmpeg's decoder of AAC names xHE-AAC


class Header(NamedTuple):
    """What ffprobe says of a file.

    Attributes:
        facts: its JSON, in which pictures that it cannot open are covers.
        view: how it must be shown the file.
        hidden: names of the codecs of tracks that it cannot open, by stream.
    """

    facts: Json
    view: View
    hidden: Mapping[int, str]


def read_with_hidden_tracks(
    path: Path, folder: Path, ask: Callable[[View, str], Json]
) -> Header | None:
    """Hides one track after the other until ffprobe reads the header. None if that does not help,
    or takes longer than any real file does.

    Args:
        folder: for files that must exist as long as the view is used.
        ask: runs ffprobe on a view with a level of messages. Raises: FfmpegFailedError.
    """
    view, hidden, patches = plain_view(path), dict[int, str](), list[Patch]()
    end = time.monotonic() + MAX_HIDING_SECONDS
    for _ in range(MAX_HIDDEN):
        if time.monotonic() > end:
            return None
        try:
            facts = ask(view, "warning")
        except FfmpegFailedError as error:
            found = UNOPENED.search(error.detail)
            if found is None or int(found[1]) in hidden:
                return None
            index = int(found[1])
            new = mask_track(path, index)
            shown = masked_view(path, [*patches, *new], folder) if new else None
            if shown is None:
                return None
            view, patches = shown, [*patches, *new]
            hidden[index] = _codec(error.detail)
        else:
            return _header(facts, view, hidden)
    return None


def _header(facts: Json, view: View, hidden: Mapping[int, str]) -> Header | None:
    """Marks pictures that were hidden as covers, which are never chosen. None if the patches hid
    other tracks than these."""
    streams = facts.get("streams", [])
    unknown = {
        int(stream["index"])
        for stream in streams
        if stream.get("codec_name", "unknown") == "unknown"
    }
    if not unknown >= hidden.keys():
        return None
    marked = [
        {**stream, "disposition": COVER} if _is_hidden_picture(stream, hidden) else stream
        for stream in streams
    ]
    return Header({**facts, "streams": marked}, view, hidden)


def _is_hidden_picture(stream: Json, hidden: Mapping[int, str]) -> bool:
    return stream.get("codec_type") == "video" and int(stream["index"]) in hidden


def _codec(messages: str) -> str:
    """Returns the name of the decoder that wrote the last messages."""
    decoders = DECODER.findall(messages)
    if USAC in messages:
        return "usac"
    return decoders[-1] if decoders else "unknown"
