"""Runs ffprobe, with whitelists and limits of time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipset.lib.sandbox import Access
from videos.transcode.confine import Limits
from videos.transcode.formats import input_words
from videos.transcode.run import capture
from videos.transcode.types import GIB, Options, Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from videos.transcode.masking import View

PROBE_MEMORY_BYTES = GIB


def ffprobe(
    view: View,
    arguments: Iterable[str],
    *,
    options: Options,
    on_output: Callable[[bytes], None],
    tick: Tick,
) -> str:
    """Asks ffprobe about a file. Returns its messages.

    Args:
        view: the file, or the parts of it that ffprobe may see.
        on_output: called with each part of its output.

    Raises:
        ProcessingError: it failed, or did not finish.
    """
    return capture(
        [
            *(options.ffprobe, "-v", "error"),
            *input_words(options.accepted, options.max_pixels, options.max_streams, view.protocols),
            *arguments,
            view.address,
        ],
        limits=Limits(
            wall_seconds=options.probe_seconds,
            memory_bytes=PROBE_MEMORY_BYTES,
            file_bytes=0,
            nice=options.nice,
        ),
        on_output=on_output,
        tick=tick,
        access=Access(reads=view.files),
    )
