"""What decoding a picture may cost; that it comes out right is tested with avatars."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from clipset.lib import pictures
from clipset.lib.pictures import ORIENTATION, PictureError, fitted_jpeg, fitted_webp, write_whole

SIZE = (960, 540)
MB = 1024**2
LYING = Image.Exif()
LYING[ORIENTATION] = 6
# Just as large as is taken: kind, mode, width and height in px, options.
LARGEST: list[tuple[str, str, tuple[int, int], dict[str, Any]]] = [
    ("JPEG", "RGB", (8000, 6250), {}),
    ("JPEG", "CMYK", (8000, 6250), {}),
    ("JPEG", "RGB", (13_000, 3839), {"exif": LYING}),
    ("JPEG", "RGB", (5000, 5000), {"progressive": True, "subsampling": 0}),
    ("PNG", "RGB", (5000, 5000), {}),
    ("PNG", "RGBA", (5000, 5000), {}),
    ("PNG", "P", (5000, 5000), {"transparency": 0}),
    ("PNG", "I;16", (5000, 5000), {}),
    ("GIF", "P", (5000, 5000), {}),
    ("WEBP", "RGBA", (4000, 4000), {"lossless": True, "method": 0}),
]
NAMES = [f"{kind}-{mode}-{len(options)}" for kind, mode, _, options in LARGEST]
# In a process of its own, for the kernel's count (kB) of the memory that it took at the most. That
# of getrusage begins with what the parent had.
MEASURE = f"""
import re, sys
from clipset.lib.pictures import fitted_webp
def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1]) * 1024
fitted_webp(open(sys.argv[2], "rb"), {SIZE})
before = peak()
fitted_webp(open(sys.argv[1], "rb"), {SIZE})
print(peak() - before)
"""


def save(path: Path, kind: str, mode: str, size: tuple[int, int], options: dict[str, Any]) -> None:
    Image.new(mode, size).save(path, kind, **options)


@pytest.mark.parametrize(("kind", "mode", "size", "options"), LARGEST, ids=NAMES)
def test_the_largest_picture_takes_less_than_300_mb(
    tmp_path: Path, kind: str, mode: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    save(large, kind, mode, size, options)
    save(small, kind, mode, (64, 64), options)
    command = [sys.executable, "-c", MEASURE, str(large), str(small)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # A JPEG that is not progressive is decoded to a part of its size at once.
    assert int(printed) < (100 if kind == "JPEG" and not options else 300) * MB


@pytest.mark.parametrize(("kind", "mode", "size", "options"), LARGEST, ids=NAMES)
def test_a_picture_with_more_pixels_is_refused_by_its_head(
    tmp_path: Path, kind: str, mode: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    """Of the file there is no more than the head, so that decoding it would fail otherwise."""
    whole = tmp_path / "whole"
    save(whole, kind, mode, (size[0], size[1] + 40), options)
    head = io.BytesIO(whole.read_bytes()[: 4096 if kind != "WEBP" else None])
    with pytest.raises(PictureError, match=r"too many pixels\. Send a smaller one\. At most"):
        fitted_webp(head, SIZE)


def test_a_large_picture_keeps_its_detail() -> None:
    """A fine line in the middle is still where it was, after the reduction on the way."""
    image = Image.new("RGB", (4800, 2700), "white")
    image.paste((0, 0, 0), (2390, 0, 2410, 2700))
    for kind in ("PNG", "JPEG"):
        sent = io.BytesIO()
        image.save(sent, kind)
        with Image.open(io.BytesIO(fitted_webp(sent, SIZE))) as fitted:
            row = fitted.convert("L").crop((0, 270, 960, 271)).tobytes()
        dark = [x for x, tone in enumerate(row) if tone < 128]
        assert dark
        assert 477 <= min(dark) <= max(dark) <= 482


class SlowPicture(io.BytesIO):
    """Its first read lasts until it is let go, as a large picture's decoding would."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.begun, self.go_on = threading.Event(), threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.begun.set()
        assert self.go_on.wait(10)
        return super().read(size)


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    return out.getvalue()


def test_a_process_decodes_one_picture_at_a_time() -> None:
    slow, done = SlowPicture(a_picture()), threading.Event()

    def second() -> None:
        fitted_webp(io.BytesIO(a_picture()), (16, 16))
        done.set()

    threads = [threading.Thread(target=fitted_webp, args=(slow, (16, 16)))]
    threads.append(threading.Thread(target=second))
    threads[0].start()
    assert slow.begun.wait(10)
    threads[1].start()
    assert not done.wait(0.5)
    slow.go_on.set()
    assert done.wait(10)
    for thread in threads:
        thread.join()


def test_who_waits_for_too_long_is_told_and_a_broken_picture_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(PictureError, match="can't be read"):
        fitted_webp(io.BytesIO(b"broken"), (16, 16))
    monkeypatch.setattr(pictures, "PATIENCE", 0.1)
    slow = SlowPicture(a_picture())
    thread = threading.Thread(target=fitted_webp, args=(slow, (16, 16)))
    thread.start()
    assert slow.begun.wait(10)
    with pytest.raises(PictureError, match="again in a minute"):
        fitted_webp(io.BytesIO(a_picture()), (16, 16))
    slow.go_on.set()
    thread.join()
    assert fitted_webp(io.BytesIO(a_picture()), (16, 16))


def test_a_jpeg_stands_on_white_where_it_could_be_seen_through() -> None:
    sent = io.BytesIO()
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(sent, "PNG")
    with Image.open(io.BytesIO(fitted_jpeg(sent, (32, 18)))) as fitted:
        assert (fitted.format, fitted.mode, fitted.size) == ("JPEG", "RGB", (32, 18))
        assert fitted.getpixel((16, 9)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("orientation", "red_at"), [(1, "left"), (3, "right"), (6, "top"), (8, "bottom")]
)
def test_a_lying_picture_is_cut_as_it_is_seen(orientation: int, red_at: str) -> None:
    """Not square: half of it red, cut to a shape that lies across."""
    image, exif, sent = Image.new("RGB", (400, 300), "blue"), Image.Exif(), io.BytesIO()
    image.paste((255, 0, 0), (0, 0, 200, 300))
    exif[ORIENTATION] = orientation
    image.save(sent, "JPEG", exif=exif, quality=95)
    with Image.open(io.BytesIO(fitted_jpeg(sent, (160, 90)))) as fitted:
        assert fitted.size == (160, 90)
        assert not fitted.getexif()
        edges = {"left": (4, 45), "right": (155, 45), "top": (80, 4), "bottom": (80, 85)}
        reds = {name: fitted.getpixel(at) for name, at in edges.items()}
    isred = {name: tone[0] > 200 and tone[2] < 60 for name, tone in reds.items()}  # type: ignore[index]
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    assert isred[red_at]
    assert not isred[opposite[red_at]]


def test_a_picture_lasts_through_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First its bytes, then, once it has its name, the folder's names."""
    synced: list[tuple[Path, bool]] = []
    real, path = os.fsync, tmp_path / "me.webp"

    def sync(descriptor: int) -> None:
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), path.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    write_whole(path, b"picture")
    assert path.read_bytes() == b"picture"
    (part, before), folder = synced
    assert part.parent == tmp_path
    assert part.match("me.webp.*.part")
    assert not before
    assert folder == (tmp_path, True)
