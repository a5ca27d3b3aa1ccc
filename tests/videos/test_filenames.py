"""Names of published files."""

from __future__ import annotations

from uuid import UUID

import pytest

from videos.filenames import PublishedName, published_stem, video_id_of

VIDEO_ID = UUID("0123456789abcdef0123456789abcdef")
STEM = published_stem(VIDEO_ID, "0a1b2c3d4e5f")


@pytest.mark.parametrize(
    ("end", "part", "kind"),
    [
        ("-source.mp4", "source", "is_rendition"),
        ("-original.mp4", "original", "is_rendition"),
        ("-1080p.mp4", "1080p", "is_rendition"),
        ("-480p.mp4", "480p", "is_rendition"),
        (".jpg", "", "is_thumbnail"),
        ("-storyboard.jpg", "storyboard", "is_storyboard"),
        (".mov", "", None),
    ],
)
def test_the_parts_of_a_name(end: str, part: str, kind: str | None) -> None:
    name = PublishedName.of(f"{STEM}{end}")
    assert name is not None
    assert (name.video_id, name.version, name.part) == (VIDEO_ID, "0a1b2c3d4e5f", part)
    kinds = {"is_rendition", "is_thumbnail", "is_storyboard"}
    assert {it for it in kinds if getattr(name, it)} == ({kind} if kind else set())


@pytest.mark.parametrize(
    "filename",
    [
        "",
        f"{VIDEO_ID.hex}.mp4",
        f".{STEM}-480p.mp4.71.part",
        f"{STEM}-80p.mp4",
        f"{STEM}-480p.mp4.part",
        f"{STEM[:-1]}.jpg",
        f"{STEM}.jpg\n",
        STEM,
    ],
)
def test_what_is_no_name_of_a_published_file(filename: str) -> None:
    assert PublishedName.of(filename) is None


@pytest.mark.parametrize(
    ("filename", "is_of_video"),
    [
        (f"{VIDEO_ID.hex}.mp4", True),
        (f"{STEM}-480p.mp4", True),
        (f".{STEM}-480p.mp4.71.part", True),
        (VIDEO_ID.hex, False),
        (f"upload-{VIDEO_ID.hex}", False),
        (f"x{STEM}.jpg", False),
    ],
)
def test_the_video_that_a_name_begins_with(filename: str, is_of_video: bool) -> None:
    assert video_id_of(filename) == (VIDEO_ID if is_of_video else None)
