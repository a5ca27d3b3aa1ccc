"""Videos whose files are finalised while somebody watches them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.browser.player import seek, wait_until
from tests.browser.test_hls import open_hls
from tests.videos.stored_videos import kept_video
from videos.models import Job, Rendition, RenditionLayout
from videos.services.processing.finalise import finalise_older_files
from videos.transcode.file_start import is_finalised
from videos.transcode.fragments import codecs

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

SECONDS = 40
PLAIN = ["source.mp4?v={version}", "stream.mp4", "source.mp4"]


def old_video(user: User) -> Rendition:
    """40 MB in a file of version 0.2: more than a browser loads ahead."""
    video = kept_video(user, clips.h264_mp4(), is_enriched=False)
    Job.objects.all().delete()
    [rendition] = video.renditions.all()
    shutil.copyfile(clips.repeated(clips.heavy_mp4(1), SECONDS), rendition.path)
    rendition.layout = RenditionLayout.FRAGMENTED
    rendition.size_bytes = rendition.path.stat().st_size
    rendition.duration_seconds = SECONDS
    rendition.codecs = codecs(rendition.path)
    rendition.bandwidth = 10_000_000
    rendition.save()
    return rendition


def add_smaller(rendition: Rendition) -> None:
    """A second rendition, so that the page plays through hls.js."""
    name = rendition.filename.replace("source", "90p")
    shutil.copyfile(
        clips.repeated(clips.h264_mp4(seconds=1), SECONDS), rendition.path.parent / name
    )
    smaller = Rendition.objects.get(pk=rendition.pk)
    smaller.pk = None
    smaller.name, smaller.filename, smaller.width, smaller.height = "90p", name, 160, 90
    smaller.bandwidth = 1_000_000
    smaller.size_bytes = smaller.path.stat().st_size
    smaller.save()


@pytest.mark.long  # a browser that asks for parts of a file that was finalised is in each run
@pytest.mark.parametrize("address", PLAIN)
def test_a_file_plays_on_while_it_is_finalised(
    visit: Callable[..., Page], bob: User, address: str
) -> None:
    rendition = old_video(bob)
    page = visit(bob)
    base = rendition.video.get_absolute_url()
    page.goto(base)
    page.evaluate(
        """(source) => {
            document.body.innerHTML = '<video class="player__video" muted></video>';
            const video = document.querySelector("video");
            video.src = source;
            video.play();
        }""",
        f"{base}{address.format(version=rendition.version)}",
    )
    wait_until(page, "video.currentTime > 0.3 || video.error")
    assert page.evaluate("document.querySelector('video').buffered.end(0)") < SECONDS - 5
    assert finalise_older_files() == 1
    assert is_finalised(rendition.path)
    wait_until(page, "video.currentTime > 0.6 || video.error")
    for moment in (SECONDS - 3, 0, SECONDS / 2, SECONDS - 0.7):
        page.evaluate("(at) => { document.querySelector('video').currentTime = at; }", moment)
        wait_until(page, f"(!video.seeking && video.currentTime > {moment} + 0.1) || video.error")
        assert page.evaluate("document.querySelector('video').error?.message") is None
    wait_until(page, "video.ended || video.error")
    assert page.evaluate("document.querySelector('video').currentTime") > SECONDS - 0.5


def test_hls_plays_on_while_its_files_are_finalised(visit: Callable[..., Page], bob: User) -> None:
    """A browser that has cached parts sends If-Range: for another ETag it would get the whole file
    in place of a fragment."""
    rendition = old_video(bob)
    add_smaller(rendition)
    page = visit(bob)
    open_hls(page, rendition.video)
    page.locator("video.player__video").evaluate("video => video.play()")
    wait_until(page, "video.currentTime > 0.3")
    answers: list[tuple[str | None, int]] = []
    page.on(
        "response",
        lambda answer: answers.append((answer.request.headers.get("range"), answer.status)),
    )
    assert finalise_older_files() == 2
    for moment in (SECONDS - 3, SECONDS / 2, 1, SECONDS - 1):
        assert seek(page, moment)["time"] == pytest.approx(moment, abs=0.1)
    # On a new visit, some parts are from before.
    open_hls(page, rendition.video)
    for moment in (2, SECONDS - 2):
        assert seek(page, moment)["time"] == pytest.approx(moment, abs=0.1)
    assert {status for asked, status in answers if asked} == {206}
