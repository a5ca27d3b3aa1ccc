"""The initialisation segments of renditions, and the validators of files that are finalised."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.builders import make_user
from tests.videos.stored_videos import beside_original_quality, built_rendition
from videos.models import Rendition, Video
from videos.services.guest_links import create_guest_link
from videos.transcode.file_start import initialisation_segment
from videos.transcode.finalise import finalise

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def rendition(bob: User, client: Client) -> Rendition:
    client.force_login(bob)
    return built_rendition(bob)


def base_of(rendition: Rendition) -> str:
    return f"/v/{rendition.video.short_id}/"


def test_the_playlist_names_the_initialisation_segment(
    client: Client, rendition: Rendition
) -> None:
    import m3u8

    text = client.get(f"{base_of(rendition)}source.m3u8").content.decode()
    [start] = m3u8.loads(text).segment_map
    assert start.byterange is None
    answer = client.get(f"{base_of(rendition)}{start.uri}")
    assert answer.content == initialisation_segment(rendition.path)
    assert answer["Content-Type"] == "video/mp4"
    assert answer["Cache-Control"] == "private, max-age=604800, immutable"
    without_version = client.get(f"{base_of(rendition)}source.init.mp4")
    assert without_version.content == answer.content
    assert without_version["Cache-Control"] == "private, no-cache"


def test_guests_get_it_and_keep_nothing(client: Client, rendition: Rendition, bob: User) -> None:
    issued = create_guest_link(video=rendition.video, created_by=bob, lifetime=timedelta(days=1))
    client.logout()
    answer = client.get(f"/s/{issued.token}/source.init.mp4?v={rendition.version}")
    assert answer.content == initialisation_segment(rendition.path)
    assert answer["Cache-Control"] == "private, no-store"


def test_only_those_who_may_watch_get_it(client: Client, rendition: Rendition) -> None:
    video, address = rendition.video, f"{base_of(rendition)}source.init.mp4"
    stranger, member = Client(), Client()
    member.force_login(make_user("carol"))
    assert member.get(address).status_code == 200
    assert stranger.get(address).status_code in {302, 401, 403, 404}
    Video.objects.filter(pk=video.pk).update(is_hidden=True)
    assert [one.get(address).status_code for one in (client, member)] == [200, 404]


def test_with_nginx_it_still_comes_from_the_site(
    client: Client, rendition: Rendition, settings: Settings
) -> None:
    settings.MEDIA_ACCEL_PREFIX = "/files"
    answer = client.get(f"{base_of(rendition)}source.init.mp4?v={rendition.version}")
    assert not answer.has_header("X-Accel-Redirect")
    assert answer.content == initialisation_segment(rendition.path)


def test_it_is_the_same_before_and_after_finalising(client: Client, rendition: Rendition) -> None:
    address = f"{base_of(rendition)}source.init.mp4?v={rendition.version}"
    before = client.get(address).content
    finalise(rendition.path)
    assert client.get(address).content == before


def test_a_file_that_is_gone_is_404(client: Client, rendition: Rendition) -> None:
    address = f"{base_of(rendition)}source.init.mp4"
    assert client.get(address).status_code == 200
    rendition.path.write_bytes(rendition.path.read_bytes()[:100])
    assert client.get(address).status_code == 404
    rendition.path.unlink()
    assert client.get(address).status_code == 404


def test_players_need_not_fetch_again_what_they_have(client: Client, rendition: Rendition) -> None:
    """Chromium sends If-Range for parts of a file of which it has others."""
    played = [base_of(rendition) + name for name in ("stream.mp4", "source.mp4")]
    download = f"{base_of(rendition)}download/"

    def tags() -> list[Any]:
        found = []
        for address in (*played, download):
            with closing(client.head(address)) as answer:
                found.append((answer["ETag"], answer["Last-Modified"]))
        return found

    before = tags()
    finalise(rendition.path)
    after = tags()
    assert before[:2] == after[:2]
    assert before[2] != after[2]
    part = {"Range": "bytes=100-199", "If-Range": before[0][0]}
    with closing(client.get(played[0], headers=part)) as answer:
        assert answer.status_code == 206


def test_original_quality_comes_last_whatever_its_size(
    client: Client, rendition: Rendition
) -> None:
    import m3u8

    beside_original_quality(
        rendition,
        width=3840,
        height=2160,
        codecs="hvc1.2.4.L153.B0,mp4a.40.2",
        video_range="PQ",
        supplemental_codecs="dvh1.08.06/db1p",
        has_independent_fragments=False,
    )
    text = client.get(f"{base_of(rendition)}master.m3u8").content.decode()
    assert 'SUPPLEMENTAL-CODECS="dvh1.08.06/db1p"' in text
    parsed = m3u8.loads(text)
    assert [one.uri.partition("?")[0] for one in parsed.playlists] == [
        "source.m3u8",
        "original.m3u8",
    ]
    first, last = (one.stream_info for one in parsed.playlists)
    assert (first.video_range, last.video_range) == ("SDR", "PQ")
    assert (last.codecs, last.resolution) == ("hvc1.2.4.L153.B0,mp4a.40.2", (3840, 2160))
    assert not parsed.is_independent_segments
    media = m3u8.loads(client.get(f"{base_of(rendition)}original.m3u8").content.decode())
    assert not media.is_independent_segments
    assert media.segment_map[0].uri.startswith("original.init.mp4?v=")


def test_the_plain_file_is_never_in_original_quality(client: Client, rendition: Rendition) -> None:
    rendition.path.write_bytes(rendition.path.read_bytes() + b"\0\0\0\x08free")
    beside_original_quality(rendition, height=2160, fps=120)
    wanted = rendition.path.read_bytes()
    for name in ("stream.mp4", "download/"):
        with closing(client.get(f"{base_of(rendition)}{name}")) as answer:
            assert b"".join(answer.streaming_content) == wanted  # type: ignore[attr-defined]
    page = client.get(base_of(rendition)).context["watch"]
    assert page.player.fps == rendition.fps
    assert page.player.hls_url
