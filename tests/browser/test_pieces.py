"""A video that is larger than one answer to the player."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser.player import play_to_the_end, seek, wait_until
from tests.videos.stored_videos import ready_video
from videos.file_responses import MAX_RANGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User
    from tests.videos.live import Server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

SECONDS = 6
# A line of the access log: video, status, bytes.
ANSWER = re.compile(r"GET /v/(\w+)/stream\.mp4\S* \S+ (\d+) (\d+)")
NOISE = f"nullsrc=size=640x360:rate=30:duration={SECONDS},geq=random(1)*255:128:128"


@pytest.mark.long  # views/test_media_live.py reads a file in such pieces
def test_a_video_of_many_pieces_plays_to_its_end_and_seeks(
    visit: Callable[..., Page], bob: User, site: Server
) -> None:
    coder = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "15", "-pix_fmt", "yuv420p")
    clip = clips.make("mp4", "-f", "lavfi", "-i", NOISE, *coder, "-movflags", "+faststart")
    video = ready_video(bob, clip)
    assert video.file_path.stat().st_size > 2.5 * MAX_RANGE_BYTES
    page = visit(bob)
    page.goto(video.get_absolute_url())
    end = play_to_the_end(page)
    assert end["error"] is None
    assert abs(end["time"] - SECONDS) < 0.5
    for moment in (1, SECONDS - 1, 3):
        assert abs(seek(page, moment)["time"] - moment) < 0.1
    wait_until(page, "!video.error")
    said = ANSWER.findall(site.log.read_text())
    answers = [(int(status), int(length)) for id_, status, length in said if id_ == video.short_id]
    assert {status for status, _ in answers} <= {206, 304}
    parts = [length for status, length in answers if status == 206]
    # The first one, whose line is written when it has ended. Chromium's cache, which knows the size
    # from it, names the end of those after it.
    assert MAX_RANGE_BYTES in parts
    assert len(parts) >= 2
