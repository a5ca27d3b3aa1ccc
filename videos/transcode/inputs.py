"""The door through which all commands of FFmpeg and ffprobe pass: none opens a file without the
whitelists of ``formats``.

FFmpeg has some 500 demuxers and decoders, and protocols that read other files or the network. What
is not listed is refused before it parses a byte. A command that forgets the lists is a fault of
this program, so it is not run at all.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WHITELISTS: Final = ("-protocol_whitelist", "-format_whitelist", "-codec_whitelist")
PROTOCOLS: Final = frozenset({"file", "concat", "subfile"})  # the last two only for ``masking``
GENERATED: Final = ("-f", "lavfi")  # no file, but a description that Clipset wrote


def check_inputs(argv: Sequence[str]) -> None:
    """Checks that each input of a command has its whitelists. Other programs have no inputs.

    Raises: ValueError.
    """
    words = list(argv[1:])
    if Path(argv[0]).name.startswith("ffprobe"):
        words.insert(len(words) - 1, "-i")  # its input is the last argument
    start = 0
    for place, word in enumerate(words[:-1]):
        if word == "-i":
            _check_input(words[start:place], words[place + 1])
            start = place + 2


def _check_input(options: list[str], address: str) -> None:
    pairs = list(pairwise(options))
    if GENERATED in pairs:
        return
    values = {name: value for name, value in pairs if name in WHITELISTS}
    missing = [name for name in WHITELISTS if not values.get(name)]
    if missing:
        raise ValueError(f"an input without {', '.join(missing)}")
    allowed = set(values["-protocol_whitelist"].split(","))
    if not allowed <= PROTOCOLS:
        raise ValueError(f"an input with the protocols {', '.join(sorted(allowed - PROTOCOLS))}")
    if address.partition(":")[0].partition(",")[0] not in allowed:
        raise ValueError("an input whose address names no allowed protocol")
