"""No command reaches FFmpeg whose inputs lack the whitelists, and the lists hold in FFmpeg."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clipset.lib.sandbox import Access
from tests import clips
from videos.transcode import formats
from videos.transcode.confine import Limits
from videos.transcode.errors import FfmpegFailedError
from videos.transcode.formats import input_words
from videos.transcode.inputs import check_inputs
from videos.transcode.run import capture

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
LISTS = tuple(input_words(("mp4",), 1000, 10))
GOOD = ("-i", "file:/a.mp4")


@pytest.mark.parametrize(
    "words",
    [
        ("ffmpeg", *LISTS, *GOOD, "out.mp4"),
        ("ffmpeg", *LISTS, *GOOD, *LISTS, *GOOD, "out.mp4"),
        ("/opt/ffmpeg-7/ffmpeg", "-f", "lavfi", "-i", "testsrc2", "-f", "null", "-"),
        ("ffprobe", "-v", "error", *LISTS, "file:/a.mp4"),
        (
            *("ffprobe", *input_words(("mp4",), 1000, 10, "file,concat,subfile")),
            "concat:subfile,,start,0,end,9,,:file:/a.mp4",
        ),
        ("/bin/sh", "-c", "echo"),
    ],
)
def test_commands_with_whitelists_pass(words: Sequence[str]) -> None:
    check_inputs(words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("ffmpeg", *GOOD, "out.mp4"), "without -protocol_whitelist, -format_whitelist"),
        (("ffmpeg", *LISTS[2:], *GOOD, "out.mp4"), "without -protocol_whitelist"),
        (("ffmpeg", *LISTS[:4], *GOOD, "out.mp4"), "without -codec_whitelist"),
        (("ffmpeg", *LISTS, *GOOD, *GOOD, "out.mp4"), "without -protocol"),
        (("ffmpeg", *GOOD, *LISTS, "out.mp4"), "without -protocol"),
        (("ffprobe", "-v", "error", "file:/a.mp4"), "without -protocol"),
        (("/opt/bin/ffprobe-7", "file:/a.mp4"), "without -protocol"),
        (("ffmpeg", *input_words((), 9, 9), *GOOD, "out.mp4"), "without -format_whitelist"),
        (("ffmpeg", *input_words(("mp4",), 9, 9, "file,http"), *GOOD), "the protocols http"),
        (("ffmpeg", *LISTS, "-i", "/a.mp4", "out.mp4"), "names no allowed protocol"),
        (("ffmpeg", *LISTS, "-i", "http://a/b.mp4", "out.mp4"), "names no allowed protocol"),
        (("ffmpeg", *LISTS, "-i", "concat:file:/a|/b", "out.mp4"), "names no allowed protocol"),
    ],
)
def test_others_do_not_even_start(words: Sequence[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_inputs(words)
    with pytest.raises(ValueError, match=why):
        capture(words, limits=Limits(wall_seconds=9), on_output=lambda _: None, access=Access())


def test_no_other_module_starts_ffmpeg() -> None:
    """`capabilities` asks for its lists of encoders and filters, without any file."""
    starts = re.compile(r"\bimport subprocess\b|\bos\.(posix_spawn|exec|fork|system)")
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "videos").rglob("*.py")
        if starts.search(path.read_text())
    }
    assert found == {"videos/transcode/run.py", "videos/transcode/capabilities.py"}


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("suffix", "coder", "is_refused"),
    [
        ("avi", "zmbv", True),
        ("mkv", "flashsv", True),
        ("nut", "mpeg4", True),
        ("avi", "mpeg4", False),
        ("mkv", "ffv1", False),
    ],
)
@pytest.mark.parametrize("program", ["ffmpeg", "ffprobe"])
def test_what_is_not_listed_is_not_decoded(
    suffix: str, coder: str, is_refused: bool, program: str
) -> None:
    clip = clips.make(suffix, *clips.picture(0.2), "-c:v", coder)
    words = input_words(formats.DEMUXERS, 1_000_000, 10)
    address = f"file:{clip.absolute()}"
    command = {
        "ffmpeg": ["ffmpeg", "-v", "error", *words, "-i", address, "-f", "null", "-"],
        "ffprobe": ["ffprobe", "-v", "error", *words, "-show_frames", address],
    }[program]

    def run() -> str:
        limits = Limits(wall_seconds=20)
        access = Access(reads=(clip,))
        return capture(command, limits=limits, on_output=lambda _: None, access=access)

    if not is_refused:
        assert run() == ""
        return
    with pytest.raises(FfmpegFailedError) as caught:
        run()
    assert "not on whitelist" in caught.value.detail
