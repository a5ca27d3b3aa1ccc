"""What people get of a published video is the same file for every player, however they get it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.builders import make_user
from tests.examples import one_in
from tests.players import (
    PLAYER_PARTS,
    assert_players_agree,
    frames,
    packets,
)
from tests.videos import live
from tests.videos.conftest import gunicorn, site, static_files
from tests.videos.stored_videos import kept_video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.players import Part
    from videos.models import Rendition, Video

__all__ = ["gunicorn", "site", "static_files"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    *(getattr(pytest.mark, part) for part in PLAYER_PARTS),
]

# Encoders put one or two frames in front of the sound. The edit list of an ordinary file hides
# them; FFmpeg does not apply it to fragments and delays the picture by as much instead.
MAX_HIDDEN_FRAMES = 2
# Large enough for a smaller rendition.
SIZE = "1152x640"

KINDS: dict[str, Callable[[], Path]] = {
    "copied with B-frames": lambda: clips.h264_mp4(seconds=4.2, fps="24"),
    "encoded": lambda: clips.hevc_mp4(seconds=5.1, size=SIZE, fps="24"),
    "copied, in two sizes": lambda: clips.h264_mp4(seconds=4.2, size=SIZE, fps="24"),
    "no sound": lambda: clips.h264_mp4(seconds=4.2, fps="24", layout=None),
    "variable frame rate": clips.vfr_mp4,
    "upright": lambda: clips.phone_h264_mov(seconds=3.4),
    "60 frames a second": lambda: clips.h264_mp4(seconds=5, fps="60"),
    "one fragment": lambda: clips.h264_mp4(seconds=1.3),
    "many fragments": lambda: clips.h264_mp4(seconds=20.3, size="160x90", fps="10", gop=10),
    "mono": lambda: clips.h264_mp4(seconds=4.2, size="160x90", layout="mono"),
    "six channels": lambda: clips.h264_mp4(seconds=4.2, size="160x90", layout="5.1"),
}


@pytest.mark.parametrize("make", one_in(len(KINDS), KINDS))
def test_players_agree_on_a_published_video(
    site: live.Server, tmp_path: Path, make: Callable[[], Path]
) -> None:
    video = kept_video(make_user("bob"), make())
    visitor = live.Visitor(site, make_user("alice"))
    renditions = list(video.renditions.filter(is_complete=True))
    for rendition in renditions:
        assert_players_agree(rendition.path)
        assert_same_frames(site, visitor, video, rendition)
    [top] = [one for one in renditions if one.path == video.file_path]
    for name in ("stream.mp4", "download/"):
        got = tmp_path / "got.mp4"
        got.write_bytes(visitor.get(f"{video.get_absolute_url()}{name}").body)
        assert got.read_bytes() == top.path.read_bytes(), name


def assert_same_frames(
    site: live.Server, visitor: live.Visitor, video: Video, rendition: Rendition
) -> None:
    """The HLS playlist of a rendition gives the packets and the frames of its file."""
    address = f"{site.url}{video.get_absolute_url()}{rendition.name}.m3u8"
    headers = {"Cookie": f"sessionid={visitor.session}"}
    assert packets(address, headers) == packets(rendition.path) != []
    pictures, sound = split(frames(address, headers))
    pictures_of_file, sound_of_file = split(frames(rendition.path))
    assert pictures == pictures_of_file != []
    hidden = len(sound) - len(sound_of_file)
    assert 0 <= hidden <= MAX_HIDDEN_FRAMES
    assert sound[hidden:] == sound_of_file


def split(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Returns what is of the picture, and what is of the sound."""
    pictures = [part for part in parts if part.kind == "video"]
    return pictures, parts[len(pictures) :]
