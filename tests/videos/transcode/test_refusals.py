"""Files that cannot become videos are refused at once, with a sentence that names what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.examples import one_in
from tests.videos.transcode import odd_pictures as odd
from videos.transcode.errors import CUT_SHORT, SourceError
from videos.transcode.pipeline import DAMAGED, transcode
from videos.transcode.refusals import unreadable_codec, unreadable_file
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MP4 = b"\0\0\0\x20ftypisom\0\0\0\0"


@pytest.mark.parametrize(
    ("codec", "tag", "words"),
    [
        ("", "aprn", "This camera records in ProRes RAW. Export it as H.264 or ProRes 422."),
        ("", "aprh", "ProRes RAW HQ"),
        ("prores_raw", "aprn", "ProRes RAW"),
        ("", "apv1", "APV"),
        ("", "brxq", "Blackmagic RAW"),
        ("", "CRAW", "Canon Cinema RAW Light"),
        ("", "vvc1", "This video is in H.266 (VVC). Convert it to H.264 and upload that."),
        ("jpegxs", "jxsm", "JPEG XS"),
        ("", "zzz9", "“zzz9”"),
        ("scpr", "[0][0][0][0]", "“scpr”"),
    ],
)
def test_a_codec_is_named(codec: str, tag: str, words: str) -> None:
    assert words in unreadable_codec(codec, tag)


@pytest.mark.parametrize(
    ("codec", "tag"), [("", ""), ("", "[0][0][0][0]"), ("", "<b>"), ("h264", "avc1")]
)
def test_a_picture_without_a_name_or_with_damage(codec: str, tag: str) -> None:
    assert unreadable_codec(codec, tag).startswith("The picture of this video can't be read.")


@pytest.mark.parametrize(
    ("stderr", "head", "is_whole", "words"),
    [
        ("Codec (magicyuv) not on whitelist 'a,b'", b"RIFF", True, "MagicYUV"),
        ("Codec (smc) not on whitelist 'a,b'", MP4, True, "unsupported track type, “smc”"),
        ("Format not on whitelist 'mov'", b"G@\0\x10", True, "isn't a video file in a supported"),
        ("moov atom not found", MP4, False, CUT_SHORT),
        ("moov atom not found", b"\0\0\0\x24ftypheic\0\0\0\0", False, "This file is a photo."),
        ("Invalid data", b"\xff\xd8\xff\xe1", True, "This file is a photo."),
        ("exceeds max_streams", MP4, True, "too many tracks"),
        ("Invalid data", b"Dear all", True, "isn't a video, or it's damaged"),
    ],
)
def test_what_ffprobe_refuses(stderr: str, head: bytes, is_whole: bool, words: str) -> None:
    assert words in unreadable_file(stderr, ("mp4", "mov"), head, is_whole=is_whole)


REFUSED: dict[str, tuple[Callable[[], Path], str]] = {
    "prores raw": (
        lambda: odd.with_tag(
            clips.make(
                *("mov", *clips.picture(0.2, "64x64"), "-c:v", "prores_ks", "-profile:v", "2"),
                *("-pix_fmt", "yuv422p10le"),
            ),
            b"apcn",
            b"aprn",
        ),
        "This camera records in ProRes RAW. Export it as H.264 or ProRes 422.",
    ),
    "apv": (lambda: odd.with_tag(odd.h264(), b"avc1", b"apv1"), "records in APV"),
    "vvc": (lambda: odd.with_tag(odd.h264(), b"avc1", b"vvc1"), "H.266"),
    "unknown": (lambda: odd.with_tag(odd.h264(), b"avc1", b"xyz1"), "“xyz1”"),
    "magicyuv": (
        lambda: clips.make(
            *("avi", *clips.picture(0.2, "64x64"), "-c:v", "magicyuv", "-pix_fmt", "gbrp")
        ),
        "MagicYUV",
    ),
    "sound alone": (lambda: clips.make("mp4", *clips.tone(1), "-c:a", "aac"), "only sound"),
    "a photo": (
        lambda: clips.make("jpg", *clips.picture(0.1, "64x64"), "-frames:v", "1"),
        "This file is a photo.",
    ),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("case", one_in(2, REFUSED))
def test_a_file_is_refused_with_what_it_is(
    case: tuple[Callable[[], Path], str], tmp_path: Path
) -> None:
    make, words = case
    with pytest.raises(SourceError) as caught:
        transcode(make(), tmp_path / "work", options=Options())
    assert words in caught.value.sentence


@pytest.mark.parametrize(
    "stderr",
    [
        "Cannot determine format of input stream 0:0 after EOF\nError marking filters as finished",
        "Decoder (codec none) not found for input stream #0:0",
        "Decoding requested, but no decoder found for: apv",
    ],
)
def test_what_ffmpeg_says_of_a_source_that_it_can_never_decode(stderr: str) -> None:
    assert DAMAGED.search(stderr)


@pytest.mark.parametrize(
    "stderr",
    [
        "Error while decoding stream #0:0: Invalid data found when processing input",
        "Error while opening encoder for output stream #0:0",
        "a.mp4: Input/output error",
        "No space left on device",
    ],
)
def test_what_it_also_says_when_the_server_is_at_fault(stderr: str) -> None:
    assert not DAMAGED.search(stderr)
