"""Limits on the cost of decoding an image. The tests of avatars check the results."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from PIL import Image

from clipset.lib import image_process, pictures
from clipset.lib.image_child import ORIENTATION, count_scans
from clipset.lib.pictures import (
    PictureError,
    fitted_jpeg,
    fitted_webp,
    whole_size,
    write_whole,
)
from tests.examples import one_in
from tests.hostile import pictures as hostile
from tests.processes import ROOT, wait_for
from tests.videos.live import decoders, is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZE = (960, 540)
MB = 1024**2
LYING = Image.Exif()
LYING[ORIENTATION] = 6
# The largest accepted images: kind, mode, width and height in px, options.
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
# Runs in a separate process, since the kernel reports the peak memory of a process's largest child.
# A child's count starts with its parent's memory, which is small here.
MEASURE = f"""
import resource, sys
from clipset.lib import image_process
from clipset.lib.pictures import fitted_webp
image_process.why_not = lambda: "bubblewrap does not wait for its child"
def peak():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
fitted_webp(open(sys.argv[2], "rb"), {SIZE})
before = peak()
fitted_webp(open(sys.argv[1], "rb"), {SIZE})
print(peak() - before)
"""


def save(path: Path, kind: str, mode: str, size: tuple[int, int], options: dict[str, Any]) -> None:
    Image.new(mode, size).save(path, kind, **options)


@pytest.mark.parametrize(("kind", "mode", "size", "options"), one_in(3, LARGEST))
def test_the_largest_picture_takes_less_than_300_mb(
    tmp_path: Path, kind: str, mode: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    large, small = tmp_path / "large", tmp_path / "small"
    save(large, kind, mode, size, options)
    save(small, kind, mode, (64, 64), options)
    command = [sys.executable, "-c", MEASURE, str(large), str(small)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    # A JPEG that is not progressive is decoded at a reduced size.
    assert int(printed) < (100 if kind == "JPEG" and not options else 300) * MB


@pytest.mark.parametrize(("kind", "mode", "size", "options"), one_in(2, LARGEST), ids=NAMES)
def test_a_picture_with_more_pixels_is_refused_by_its_head(
    tmp_path: Path, kind: str, mode: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    """The file has only a header, so decoding it would fail with another message."""
    whole = tmp_path / "whole"
    save(whole, kind, mode, (size[0], size[1] + 40), options)
    head = io.BytesIO(whole.read_bytes()[: 4096 if kind != "WEBP" else None])
    with pytest.raises(
        PictureError,
        match=r"too many pixels\. Upload a smaller one, with at most \d\d million pixels",
    ):
        fitted_webp(head, SIZE)


def test_a_large_picture_keeps_its_detail() -> None:
    """A thin line in the middle keeps its place, although the image is reduced in between."""
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


def a_picture() -> io.BytesIO:
    return io.BytesIO(hostile.small("PNG"))


# -- the child ------------------------------------------------------------------------------------


def children(parent: int | None = None) -> list[int]:
    """The processes that decode an image for this process, or for another one."""
    parent = parent or os.getpid()
    return decoders(parent)


class Decoding:
    """Decodes an image that uses all permitted processor time, in a separate thread."""

    def __init__(self, member: UUID) -> None:
        self.error: PictureError | None = None
        self.thread = threading.Thread(target=self._decode, args=(member,))
        self.thread.start()
        wait_for(lambda: children() or self.error, name="the child")

    def _decode(self, member: UUID) -> None:
        try:
            fitted_webp(io.BytesIO(hostile.slow_jpeg()), SIZE, member=member)
        except PictureError as error:
            self.error = error

    def end(self) -> None:
        """Ends the child early, so that the test need not wait for the limit."""
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        self.thread.join()


@pytest.fixture
def decoding() -> Iterator[Decoding]:
    started = Decoding(UUID(int=1))
    yield started
    started.end()


def test_a_picture_is_decoded_by_a_confined_process_that_knows_no_secrets(
    decoding: Decoding,
) -> None:
    (pid,) = children()
    proc = Path(f"/proc/{pid}")
    wait_for(lambda: "536870912" in (proc / "limits").read_text(), name="its limits")
    limits = (proc / "limits").read_text()
    assert re.search(r"Max cpu time\s+6\s", limits)
    assert re.search(r"Max file size\s+8388608\s", limits)
    assert re.search(r"Max core file size\s+0\s", limits)
    assert (proc / "environ").read_bytes() in {b"", b"PWD=/\0"}  # which bubblewrap sets
    assert "NoNewPrivs:\t1" in (proc / "status").read_text()
    wait_for(lambda: os.getpriority(os.PRIO_PROCESS, pid) >= 5, name="its niceness")


@pytest.mark.long  # costs 6 s of processor time; other limits are tried in each run
def test_a_picture_that_takes_too_much_processor_time_is_ended(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "WALL_SECONDS", 50)  # this is about processor time
    with pytest.raises(
        PictureError, match=r"too complex to process\. Save it again as an ordinary"
    ):
        fitted_webp(io.BytesIO(hostile.slow_jpeg()), SIZE)
    wait_for(lambda: not children(), seconds=3, name="the child's end")
    assert not caplog.records, "it is no fault of ours"


def test_a_picture_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "WALL_SECONDS", 0.5)
    with pytest.raises(PictureError, match=r"took too long\. Try again in a few minutes"):
        fitted_webp(io.BytesIO(hostile.slow_jpeg()), SIZE)
    wait_for(lambda: not children(), seconds=3, name="the child's end")


def test_a_child_that_somebody_kills_is_no_answer(decoding: Decoding) -> None:
    decoding.end()
    assert "Try again in a few minutes" in str(decoding.error)


ORPHAN = """
import io, sys
from clipset.lib.pictures import fitted_webp
fitted_webp(open(sys.argv[1], "rb"), (16, 16))
"""


def test_a_child_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    slow = tmp_path / "slow.jpg"
    slow.write_bytes(hostile.slow_jpeg())
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(slow)])
    wait_for(lambda: children(parent.pid), name="the child")
    (child,) = children(parent.pid)
    parent.kill()
    parent.wait()
    wait_for(lambda: not is_running(child), seconds=3, name="the child's end")


def test_a_child_that_cannot_start_is_said_and_logged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(image_process, "CHILD", tmp_path / "missing.py")
    with pytest.raises(PictureError, match=r"can't process pictures right now\. Tell an admin"):
        fitted_webp(a_picture(), (16, 16))
    assert "missing.py" in caplog.text
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PictureError, match=r"can't process pictures right now\. Tell an admin"):
        fitted_webp(a_picture(), (16, 16))


WEB_PROCESS = """
import sys
import django
django.setup()
import clipset.urls
print([name for name in sys.modules if name.partition(".")[0] == "PIL"])
"""


def test_what_answers_requests_does_not_even_load_a_decoder() -> None:
    told = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert told.stdout.strip() == "[]"


# -- whose turn it is -----------------------------------------------------------------------------


def test_a_second_picture_of_the_same_member_is_refused_at_once(decoding: Decoding) -> None:
    began = time.monotonic()
    with pytest.raises(
        PictureError, match=r"previous picture is still being processed\. Try again"
    ):
        fitted_webp(a_picture(), (16, 16), member=UUID(int=1))
    assert time.monotonic() - began < 1
    assert fitted_webp(a_picture(), (16, 16), member=UUID(int=2))
    decoding.end()
    assert fitted_webp(a_picture(), (16, 16), member=UUID(int=1))


def test_where_all_turns_are_taken_the_next_one_is_told(
    monkeypatch: pytest.MonkeyPatch, decoding: Decoding
) -> None:
    monkeypatch.setattr(pictures._slots, "most", 1)
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.3)
    with pytest.raises(PictureError, match=r"processing many pictures right now\. Try again in a"):
        fitted_webp(a_picture(), (16, 16), member=UUID(int=2))


# -- what costs more than its size tells ----------------------------------------------------------

COMPLEX, BROKEN, PIXELS = "too complex to process", "can't be read as a picture", "too many pixels"
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "jpeg of 3,000 scans": (lambda: hostile.jpeg_of_scans(3000), COMPLEX),
    "jpeg of 101 scans": (lambda: hostile.jpeg_of_scans(101, (64, 64)), COMPLEX),
    "half of one": (lambda: hostile.jpeg_of_scans(3000)[:200_000], COMPLEX),
    "png with text": (lambda: hostile.text_bombs(b"zTXt", b"a\0\0"), BROKEN),
    "png with utf-8": (lambda: hostile.text_bombs(b"iTXt", b"a\0\1\0\0\0"), BROKEN),
    "png with profile": (lambda: hostile.text_bombs(b"iCCP", b"a\0\0"), BROKEN),
    "gif of 4 billion pixels": (lambda: hostile.gif_that_claims(65_535, 65_535), PIXELS),
    "gif without data": (lambda: hostile.gif_that_claims(5000, 5000), BROKEN),
}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the kernel count what the child costs: bubblewrap does not wait for it."""
    monkeypatch.setattr(image_process, "why_not", lambda: "a test")


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("what", REFUSED)
def test_what_would_cost_too_much_is_refused_before_it_does(what: str) -> None:
    content, sentence = REFUSED[what]
    picture = io.BytesIO(content())
    before = os.times()
    with pytest.raises(PictureError, match=sentence):
        fitted_webp(picture, SIZE)
    after = os.times()
    assert after.children_user - before.children_user < 1.5


def test_a_run_of_marker_bytes_is_read_once() -> None:
    before = time.process_time()
    assert count_scans(b"\xff\xd8" + b"\xff" * 300_000 + b"\0") == 0
    assert count_scans(b"\xff\xd8" + b"\xff" * 9 + b"\xda\0\2" + b"\xff\xff\xd9\xff\xda") == 1
    assert time.process_time() - before < 1


HARMLESS: dict[str, Callable[[], bytes]] = {
    "jpeg of 100 scans": lambda: hostile.jpeg_of_scans(100, (64, 64)),
    "jpeg whose thumbnail has scans": hostile.jpeg_whose_thumbnail_has_scans,
    "jpeg with something behind it": lambda: hostile.small("JPEG") + b"\xff\xda\0\2" * 5000,
    "exif that counts too far": hostile.exif_that_counts_too_far,
    "mpo of 4 billion": hostile.mpo_of_many,
    "gif of many frames": lambda: hostile.animation("GIF", 1000),
    "apng of many frames": lambda: hostile.animation("PNG", 1000),
    "webp of many frames": lambda: hostile.animation("WEBP", 1000),
    "gif of many blocks": hostile.gif_of_many_blocks,
    "webp with metadata": hostile.webp_with_metadata,
}


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("what", one_in(2, list(HARMLESS)))
def test_only_the_first_picture_of_a_file_is_decoded(what: str) -> None:
    before = os.times()
    webp = fitted_webp(io.BytesIO(HARMLESS[what]()), (16, 16))
    assert os.times().children_user - before.children_user < 3
    with Image.open(io.BytesIO(webp)) as image:
        assert image.size == (16, 16)
        colour = image.convert("RGB").getpixel((8, 8))
    assert isinstance(colour, tuple)
    assert colour[0] > 200
    assert not {"exif", "xmp", "comment"} & set(image.info)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_that_was_cut_off_is_refused(kind: str) -> None:
    whole = hostile.encoded(Image.effect_noise((200, 200), 90).convert("RGB"), kind)
    for part in (1, 10, len(whole) // 2):
        with pytest.raises(PictureError, match=BROKEN):
            fitted_webp(io.BytesIO(whole[:part]), (16, 16))


# -- how it comes out -----------------------------------------------------------------------------


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
    """An upright image, half of it red, cropped to a wide shape."""
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
    """Syncs the file's bytes first and, after it has its name, the folder."""
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


def test_the_size_of_a_picture_is_told_when_all_of_it_can_be_decoded() -> None:
    whole = hostile.encoded(Image.effect_noise((200, 100), 90).convert("RGB"), "JPEG")
    assert whole_size(io.BytesIO(whole)) == (200, 100)
    with pytest.raises(PictureError, match=BROKEN):
        whole_size(io.BytesIO(whole[: len(whole) // 2]))
