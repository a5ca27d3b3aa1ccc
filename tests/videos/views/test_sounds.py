"""What players get of a video with several sounds: a group of them, and playlists of each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders import make_user
from tests.videos.stored_videos import built_rendition
from tests.videos.transcode import built
from videos.models import ProcessingStatus, Rendition, Video
from videos.services.guest_links import create_guest_link
from videos.transcode.file_start import initialisation_segment
from videos.transcode.fragments import read_index
from videos.transcode.sound_tracks import SoundTrack, stored_tracks

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

pytestmark = pytest.mark.django_db(transaction=True)

SOUNDS = (
    SoundTrack(number=2, language="en", title="", channels=2, codec="mp4a.40.2"),
    SoundTrack(number=3, language="und", title="Game", channels=6, codec="mp4a.40.5"),
)


@pytest.fixture
def bob(transactional_db: None) -> User:
    return make_user("bob")


@pytest.fixture
def rendition(bob: User, client: Client) -> Rendition:
    """With two sounds; a smaller one with only the picture is beside it."""
    client.force_login(bob)
    row = built_rendition(bob, sound_tracks=stored_tracks(SOUNDS))
    row.path.write_bytes(built.separate_mp4())
    row.size_bytes = row.path.stat().st_size
    row.save()
    smaller = Rendition.objects.get(pk=row.pk)
    smaller.pk, smaller.name, smaller.filename = None, "16p", f"{row.video_id.hex}-16p.mp4"
    smaller.codecs, smaller.sound_tracks, smaller.height = "avc1.4D400A", [], 16
    smaller.path.write_bytes(built.fragmented_mp4(built.picture()))
    smaller.size_bytes = smaller.path.stat().st_size
    smaller.save()
    return row


def base_of(rendition: Rendition) -> str:
    return f"/v/{rendition.video.short_id}/"


def get(client: Client, address: str) -> Any:
    import m3u8

    answer = client.get(address)
    assert answer.status_code == 200, address
    return m3u8.loads(answer.content.decode())


def test_the_master_playlist_has_a_group_of_sounds(client: Client, rendition: Rendition) -> None:
    master = get(client, f"{base_of(rendition)}master.m3u8")
    version = rendition.version
    assert [
        (one.name, one.language, one.default, one.uri, one.channels) for one in master.media
    ] == [
        ("English", "en", "YES", f"source.sound-2.m3u8?v={version}", "2"),
        ("Game", None, "NO", f"source.sound-3.m3u8?v={version}", "6"),
    ]
    largest, smaller = (one.stream_info for one in master.playlists)
    assert [one.audio for one in (largest, smaller)] == ["sounds", "sounds"]
    assert largest.codecs == smaller.codecs == "avc1.4D400A,mp4a.40.2,mp4a.40.5"
    # The picture of both has the same size, and the larger one counts its sound already.
    assert smaller.average_bandwidth > rendition.average_bandwidth


@pytest.mark.parametrize("is_finalised", [False, True])
def test_each_playlist_names_its_own_fragments(
    client: Client, rendition: Rendition, is_finalised: bool
) -> None:
    from videos.transcode.finalise import finalise

    if is_finalised:
        finalise(rendition.path)
        Rendition.objects.filter(pk=rendition.pk).update(size_bytes=rendition.path.stat().st_size)
    index = read_index(rendition.path)
    parts = {None: index.fragments, 2: index.sounds[2], 3: index.sounds[3]}
    for sound, fragments in parts.items():
        name = f"source.sound-{sound}" if sound else "source"
        playlist = get(client, f"{base_of(rendition)}{name}.m3u8")
        ranges = [segment.byterange for segment in playlist.segments]
        assert ranges == [f"{one.size}@{one.offset}" for one in fragments]
        assert {segment.uri for segment in playlist.segments} == {f"source.mp4?v={'b' * 12}"}
        [start] = playlist.segment_map
        assert start.uri == f"{name}.init.mp4?v={'b' * 12}"
        content = client.get(f"{base_of(rendition)}{start.uri}").content
        assert content == initialisation_segment(rendition.path, track=sound or 1)


def test_a_file_whose_row_tells_nothing_of_its_sounds_is_not_silent(
    client: Client, rendition: Rendition
) -> None:
    Rendition.objects.update(sound_tracks=[])
    master = get(client, f"{base_of(rendition)}master.m3u8")
    assert [one.name for one in master.media] == ["Track 1", "Track 2"]


def test_guests_get_them_too(client: Client, rendition: Rendition, bob: User) -> None:
    issued = create_guest_link(video=rendition.video, created_by=bob, lifetime=timedelta(days=1))
    client.logout()
    page = client.get(f"/s/{issued.token}/").content.decode()
    assert 'data-module="/static/hls/hls.min.' in page
    assert 'data-hls="master.m3u8"' in page
    for sound in get(client, f"/s/{issued.token}/master.m3u8").media:
        [start] = get(client, f"/s/{issued.token}/{sound.uri}").segment_map
        answer = client.get(f"/s/{issued.token}/{start.uri}")
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "private, no-store"


def test_only_such_a_video_loads_the_full_build(
    client: Client, rendition: Rendition, bob: User
) -> None:
    page = client.get(base_of(rendition)).content.decode()
    assert 'data-module="/static/hls/hls.min.' in page
    assert "hls/hls.light" not in page
    Rendition.objects.filter(pk=rendition.pk).update(sound_tracks=[])
    page = client.get(base_of(rendition)).content.decode()
    assert 'data-module="/static/hls/hls.light.min.' in page
    Rendition.objects.exclude(pk=rendition.pk).delete()
    assert "data-hls" not in client.get(base_of(rendition)).content.decode()
    # Several sounds are a choice even where there is one size.
    Rendition.objects.update(sound_tracks=stored_tracks(SOUNDS))
    assert "/static/hls/hls.min." in client.get(base_of(rendition)).content.decode()


def test_while_the_video_is_encoded_it_can_be_watched_once_all_sounds_have_begun(
    client: Client, rendition: Rendition
) -> None:
    Rendition.objects.exclude(pk=rendition.pk).delete()
    Rendition.objects.update(is_complete=False, codecs="")
    Video.objects.update(processing_status=ProcessingStatus.PROCESSING)
    whole, index = rendition.path.read_bytes(), read_index(rendition.path)
    last = index.sounds[3][0]
    rendition.path.write_bytes(whole[: last.offset + last.size - 1])
    assert client.get(f"{base_of(rendition)}master.m3u8").status_code == 404
    rendition.path.write_bytes(whole[: last.offset + last.size])
    assert len(get(client, f"{base_of(rendition)}master.m3u8").media) == 2
    playlist = get(client, f"{base_of(rendition)}source.sound-3.m3u8")
    assert playlist.playlist_type == "event"
    assert not playlist.is_endlist
    assert len(playlist.segments) == 1
    assert "/static/hls/hls.min." in client.get(base_of(rendition)).content.decode()
