"""Runs the named benchmarks, or the default one: `python -m bench watch`."""

from __future__ import annotations

import sys

from bench import (
    chaos,
    finalise,
    first_frame,
    lighthouse,
    media,
    original,
    pages,
    serving,
    upload,
    watch,
)

BENCHES = {
    "media": media.main,
    "media-serving": serving.main,
    "watch": watch.main,
    "finalise": finalise.main,
    "first-frame": first_frame.main,
    "original-quality": original.main,
    "chaos": chaos.main,
    "upload": upload.main,
    "pages": pages.main,
    "lighthouse": lighthouse.main,
}
BY_DEFAULT = ("media",)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"Unknown benchmark: {', '.join(unknown)}. Choose from: {', '.join(BENCHES)}.")
        return 2
    return max([BENCHES[name]() for name in names or BY_DEFAULT])


sys.exit(main(sys.argv[1:]))
