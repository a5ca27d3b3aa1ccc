"""Playlists, as an independent parser reads them and as FFmpeg plays them over HTTP."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

import m3u8
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import players
from tests.examples import examples, one_in
from tests.videos.transcode import built, fragmented
from videos.transcode.file_start import initialisation_segment
from videos.transcode.finalise import finalise
from videos.transcode.fragments import (
    EMPTY_INDEX,
    Fragment,
    FragmentIndex,
    codecs,
    read_index,
)
from videos.transcode.hls import (
    AudioRendition,
    CaptionRendition,
    Variant,
    master_playlist,
    media_playlist,
    subtitle_playlist,
)
from videos.transcode.ladder import MIN_LAST_SECONDS
from videos.transcode.rates import average_bandwidth, peak_bandwidth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENCODED = [Fraction(4), Fraction(4), Fraction(2)]
FILE = "source.mp4?v=7f3a"
START = "source.init.mp4?v=7f3a"
TOP = Variant(
    uri="1080p.m3u8?v=7f3a",
    width=1080,
    height=1920,
    fps=30000 / 1001,
    codecs="avc1.640028,mp4a.40.2",
    bandwidth=7_000_000,
    average_bandwidth=5_000_000,
)
ENGLISH = CaptionRendition(uri="captions/en.m3u8", language="en", name="English", default=True)

every_kind = pytest.mark.parametrize("make", one_in(6, fragmented.MAKERS))


# -- the media playlist


@pytest.mark.ffmpeg
@every_kind
def test_byte_ranges_name_every_byte_of_the_fragments(make: Callable[[], Path]) -> None:
    path = make()
    data = path.read_bytes()
    index = read_index(path)
    parsed = m3u8.loads(media_playlist(index, uri=FILE, initialisation_uri=START, ended=True))
    (start,) = parsed.segment_map
    assert (start.uri, start.byterange) == (START, None)
    end = index.init_size
    for segment in parsed.segments:
        size, offset = (int(number) for number in segment.byterange.split("@"))
        assert offset == end
        end += size
    assert data[end + 4 :][:4] == b"mfra"
    assert {segment.uri for segment in parsed.segments} == {FILE}


@pytest.mark.ffmpeg
@every_kind
def test_lengths_add_up_to_the_duration(make: Callable[[], Path]) -> None:
    index = read_index(make())
    text = media_playlist(index, uri=FILE, initialisation_uri=START, ended=True)
    said = [Fraction(number) for number in re.findall(r"#EXTINF:(\d+\.\d{6}),\n", text)]
    assert len(said) == len(index.fragments)
    assert abs(sum(said) - index.duration) <= Fraction(1, 2_000_000)
    for length, fragment in zip(said, index.fragments, strict=True):
        assert abs(length - fragment.duration) <= Fraction(1, 1_000_000)
    packets = fragmented.packets(make())
    end = packets[-1].shown + packets[-1].lasts
    assert float(sum(said)) == pytest.approx(float(end - packets[0].shown), abs=0.000_001)


def test_rounding_does_not_add_up_over_a_long_video() -> None:
    count = 10_000
    third = Fraction(10, 3)
    index = _index([third] * count)
    parsed = m3u8.loads(media_playlist(index, uri=FILE, initialisation_uri=START, ended=True))
    assert sum(segment.duration for segment in parsed.segments) == pytest.approx(
        float(third * count), abs=0.000_01
    )


def test_a_finished_file_is_on_demand() -> None:
    parsed = m3u8.loads(
        media_playlist(_index(ENCODED), uri=FILE, initialisation_uri=START, ended=True)
    )
    assert int(parsed.version) == 7
    assert parsed.playlist_type == "vod"
    assert parsed.is_endlist
    assert parsed.is_independent_segments
    assert parsed.target_duration == 4
    assert parsed.media_sequence == 0
    assert [segment.duration for segment in parsed.segments] == [4, 4, 2]


@pytest.mark.parametrize(
    ("last", "said"),
    [(Fraction(1, 25), [4, 4.04]), (Fraction(47, 100), [4, 4.47]), (Fraction(1, 2), [4, 4, 0.5])],
)
def test_a_last_fragment_of_a_few_frames_is_joined_to_the_one_before(
    last: Fraction, said: list[float]
) -> None:
    index = _index([Fraction(4), Fraction(4), last])
    parsed = m3u8.loads(media_playlist(index, uri=FILE, initialisation_uri=START, ended=True))
    assert [segment.duration for segment in parsed.segments] == said
    size, offset = (int(number) for number in parsed.segments[-1].byterange.split("@"))
    assert offset + size == index.end
    assert parsed.target_duration == 4
    parsed = m3u8.loads(media_playlist(index, uri=FILE, initialisation_uri=START, ended=False))
    assert [segment.duration for segment in parsed.segments] == [4, 4, float(last)]
    alone = m3u8.loads(
        media_playlist(_index([last]), uri=FILE, initialisation_uri=START, ended=True)
    )
    assert [segment.duration for segment in alone.segments] == [float(last)]


def test_a_growing_file_begins_at_its_start_and_has_no_end() -> None:
    parsed = m3u8.loads(
        media_playlist(_index(ENCODED), uri=FILE, initialisation_uri=START, ended=False)
    )
    assert parsed.playlist_type == "event"
    assert not parsed.is_endlist
    assert parsed.start.time_offset == 0


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.fractions(Fraction(1, 60), Fraction(269, 60), max_denominator=60), max_size=9))
def test_a_growing_playlist_only_adds_lines(lengths: list[Fraction]) -> None:
    texts = [
        media_playlist(_index(lengths[:count]), uri=FILE, initialisation_uri=START, ended=False)
        for count in range(len(lengths) + 1)
    ]
    for before, after in pairwise(texts):
        assert after.startswith(before)
    ended = media_playlist(
        _index(lengths), uri=FILE, initialisation_uri=START, ended=True
    ).splitlines()
    growing = texts[-1].splitlines()
    changed = {line.partition(":")[0] for line in ended if line not in growing}
    is_joined = len(lengths) > 1 and lengths[-1] < MIN_LAST_SECONDS
    joined = {"#EXTINF", "#EXT-X-BYTERANGE", "#EXT-X-TARGETDURATION"} if is_joined else set()
    assert changed - joined == {"#EXT-X-PLAYLIST-TYPE", "#EXT-X-ENDLIST"}
    assert ended[-1] == "#EXT-X-ENDLIST"


def test_the_target_is_at_least_what_was_planned_and_no_fragment_exceeds_it() -> None:
    def target(lengths: list[Fraction], planned: int = 4) -> int:
        text = media_playlist(
            _index(lengths), uri=FILE, initialisation_uri=START, ended=False, planned=planned
        )
        parsed: int = m3u8.loads(text).target_duration
        return parsed

    assert target([]) == target([Fraction(1)]) == target([Fraction(4004, 1000)]) == 4
    assert target([Fraction(1)], planned=6) == 6
    assert target([Fraction(4), Fraction(76, 10)]) == 8


def test_a_file_that_has_only_begun_has_an_empty_list() -> None:
    begun = replace(EMPTY_INDEX, init_size=700, end=700)
    parsed = m3u8.loads(media_playlist(begun, uri=FILE, initialisation_uri=START, ended=False))
    assert not parsed.segments
    assert not parsed.is_endlist


# -- the master playlist


def test_variants_are_described_in_order() -> None:
    low = replace(TOP, uri="480p.m3u8", width=480, height=852, fps=25.0, codecs="avc1.64001E")
    parsed = m3u8.loads(master_playlist([TOP, low]))
    assert parsed.is_variant
    assert parsed.is_independent_segments
    first, second = (playlist.stream_info for playlist in parsed.playlists)
    assert [playlist.uri for playlist in parsed.playlists] == [TOP.uri, low.uri]
    assert (first.bandwidth, first.average_bandwidth) == (7_000_000, 5_000_000)
    assert (first.resolution, second.resolution) == ((1080, 1920), (480, 852))
    assert (first.codecs, second.codecs) == (TOP.codecs, "avc1.64001E")
    assert (first.frame_rate, second.frame_rate) == (29.97, 25.0)
    assert "FRAME-RATE=29.970," in master_playlist([TOP])
    assert first.subtitles is None
    assert not parsed.media


def test_original_quality_says_what_it_needs_and_the_others_that_they_are_plain() -> None:
    original = replace(
        TOP,
        uri="original.m3u8?v=7f3a",
        codecs="hvc1.2.4.L153.B0,mp4a.40.2",
        supplemental_codecs="dvh1.08.07/db4h",
        video_range="HLG",
    )
    plain, last = (line for line in _stream_infs(master_playlist([TOP, original])))
    assert "VIDEO-RANGE=SDR" in plain
    assert "SUPPLEMENTAL-CODECS" not in plain
    assert "VIDEO-RANGE=HLG" in last
    assert 'CODECS="hvc1.2.4.L153.B0,mp4a.40.2"' in last
    assert 'SUPPLEMENTAL-CODECS="dvh1.08.07/db4h"' in last
    parsed = m3u8.loads(master_playlist([TOP, original]))
    assert [one.stream_info.video_range for one in parsed.playlists] == ["SDR", "HLG"]


def test_fragments_that_need_the_one_before_are_not_called_independent() -> None:
    open_groups = replace(TOP, has_independent_fragments=False)
    assert not m3u8.loads(master_playlist([TOP, open_groups])).is_independent_segments
    text = media_playlist(
        _index(ENCODED), uri=FILE, initialisation_uri=START, ended=True, independent=False
    )
    assert not m3u8.loads(text).is_independent_segments


def test_a_rate_that_is_not_known_is_not_said() -> None:
    assert "FRAME-RATE" not in master_playlist([replace(TOP, fps=0.0)])


def test_subtitles_are_a_group_that_every_variant_names() -> None:
    german = CaptionRendition(uri="captions/de.m3u8", language="de", name="Deutsch")
    parsed = m3u8.loads(master_playlist([TOP, TOP], [ENGLISH, german]))
    english, other = parsed.media
    assert [one.type for one in parsed.media] == ["SUBTITLES", "SUBTITLES"]
    assert (english.name, english.language, english.default) == ("English", "en", "YES")
    assert (other.name, other.language, other.default) == ("Deutsch", "de", "NO")
    assert english.uri == "captions/en.m3u8"
    assert english.autoselect == "YES"
    assert {english.group_id, other.group_id} == {
        playlist.stream_info.subtitles for playlist in parsed.playlists
    }


def test_names_in_the_group_differ_and_one_track_at_most_is_the_default() -> None:
    unnamed = CaptionRendition(uri="a", language="", name=" \n")
    parsed = m3u8.loads(master_playlist([TOP], [ENGLISH, ENGLISH, ENGLISH, unnamed]))
    assert [one.name for one in parsed.media] == [
        "English",
        "English (2)",
        "English (3)",
        "Subtitles",
    ]
    assert [one.default for one in parsed.media] == ["YES", "NO", "NO", "NO"]
    assert parsed.media[-1].language is None


@settings(max_examples=examples(100), deadline=None)
@given(name=st.text(), uri=st.text(min_size=1), language=st.text(max_size=5))
def test_no_text_breaks_out_of_its_place(name: str, uri: str, language: str) -> None:
    track = CaptionRendition(uri=uri, language=language, name=name)
    sound = AudioRendition(uri=uri, language=language, name=name)
    text = master_playlist([replace(TOP, uri=uri, codecs=name)], [track], [sound])
    assert _no_control_characters(text)
    assert len(text.split("\n")) == 8
    parsed = m3u8.loads(text)
    assert len(parsed.playlists) == 1
    assert len(parsed.media) == 2
    assert parsed.media[0].uri == parsed.media[1].uri
    assert parsed.media[0].uri == parsed.playlists[0].uri
    assert parsed.playlists[0].stream_info.bandwidth == TOP.bandwidth

    media = m3u8.loads(
        media_playlist(_index([Fraction(4)]), uri=uri, initialisation_uri=uri, ended=True)
    )
    assert media.segments[0].uri == media.segment_map[0].uri == parsed.media[0].uri
    subtitles = m3u8.loads(subtitle_playlist(uri, duration=3))
    assert subtitles.segments[0].uri == parsed.media[0].uri
    if "%" not in uri and not any(0xD800 <= ord(c) <= 0xDFFF for c in uri):
        assert unquote(parsed.media[0].uri) == uri


def test_what_is_escaped_already_is_left_alone() -> None:
    uri = "/media/a%20b/720p.mp4?v=1&sig=x_-~.%2F"
    assert f"\n{uri}\n" in media_playlist(
        _index([Fraction(1)]), uri=uri, initialisation_uri=uri, ended=True
    )


# -- several sounds

GAME = AudioRendition(uri="1080p.2.m3u8", language="", name="Game", channels=2)
GERMAN = AudioRendition(uri="1080p.3.m3u8", language="de", name="Deutsch", default=True)


def test_sounds_are_a_group_that_every_variant_names() -> None:
    parsed = m3u8.loads(master_playlist([TOP, TOP], [ENGLISH], [GAME, GERMAN]))
    game, german, english = parsed.media
    assert [one.type for one in parsed.media] == ["AUDIO", "AUDIO", "SUBTITLES"]
    assert (game.name, game.language, game.default, game.channels) == ("Game", None, "NO", "2")
    assert (german.name, german.language, german.default) == ("Deutsch", "de", "YES")
    assert german.channels is None
    assert (game.uri, game.autoselect) == ("1080p.2.m3u8", "YES")
    for playlist in parsed.playlists:
        assert playlist.stream_info.audio == game.group_id == german.group_id
        assert playlist.stream_info.subtitles == english.group_id


def test_exactly_one_sound_is_the_default_and_names_differ() -> None:
    other = replace(GAME, name=" \n")
    text = master_playlist([TOP], sounds=[GAME, GAME, other, other])
    media = m3u8.loads(text).media
    assert [one.name for one in media] == ["Game", "Game (2)", "Sound", "Sound (2)"]
    assert [one.default for one in media] == ["YES", "NO", "NO", "NO"]
    media = m3u8.loads(master_playlist([TOP], sounds=[GAME, GERMAN, GERMAN])).media
    assert [one.default for one in media] == ["NO", "YES", "NO"]
    assert "AUDIO" not in master_playlist([TOP])


def test_playlists_of_the_tracks_name_all_bytes_of_a_separate_file() -> None:
    path = built.stored(
        built.separate_mp4(built.picture(), built.sound(), built.sound(8, 8, 40, number=3))
    )
    index = read_index(path)
    ranges: list[tuple[int, int]] = []
    for sound, duration in ((None, index.duration), *index.sound_durations.items()):
        text = media_playlist(index, uri=FILE, initialisation_uri=START, ended=True, sound=sound)
        parsed = m3u8.loads(text)
        # The third fragment of the second sound is longer than planned.
        assert parsed.target_duration == 5
        assert len(parsed.segments) == 3
        assert sum(one.duration for one in parsed.segments) == pytest.approx(float(duration))
        for segment in parsed.segments:
            size, offset = map(int, segment.byterange.split("@"))
            ranges.append((offset, offset + size))
    place = index.init_size
    for begin, end in sorted(ranges):
        assert begin == place
        place = end
    assert place == index.media_end


# -- subtitles


@pytest.mark.parametrize(
    ("duration", "target"), [(12.5, 13), (12.0, 12), (0.2, 1), (0, 1), (-1, 1)]
)
def test_a_subtitle_file_is_one_segment(duration: float, target: int) -> None:
    parsed = m3u8.loads(subtitle_playlist("en.vtt?v=2", duration=duration))
    (segment,) = parsed.segments
    assert segment.uri == "en.vtt?v=2"
    assert segment.duration == max(0, duration)
    assert parsed.target_duration == target
    assert parsed.is_endlist


# -- played


@pytest.mark.ffmpeg
@every_kind
def test_ffmpeg_plays_the_same_pictures_through_the_playlists(make: Callable[[], Path]) -> None:
    path = make()
    index = read_index(path)
    variant = replace(
        TOP,
        uri="media.m3u8",
        codecs=codecs(path),
        bandwidth=peak_bandwidth(index),
        average_bandwidth=average_bandwidth(index),
    )
    served = {
        "/master.m3u8": master_playlist([variant], [ENGLISH]).encode(),
        "/media.m3u8": media_playlist(
            index, uri="video.mp4?v=1", initialisation_uri="video.init.mp4?v=1", ended=True
        ).encode(),
        "/video.mp4": path.read_bytes(),
        "/video.init.mp4": initialisation_segment(path),
        "/captions/en.m3u8": subtitle_playlist("en.vtt", duration=3).encode(),
        "/captions/en.vtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n",
    }
    with _server(served) as (address, ranges):
        assert fragmented.pictures(f"{address}/media.m3u8") == fragmented.pictures(path)
        assert set(ranges) >= {
            f"bytes={one.offset}-{one.offset + one.size - 1}" for one in index.fragments
        }
        found = fragmented.packets(f"{address}/master.m3u8")
    expected = fragmented.packets(path)
    assert [one.shown - found[0].shown for one in found] == [
        one.shown - expected[0].shown for one in expected
    ]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", one_in(7, fragmented.SEPARATE_MAKERS))
def test_ffmpeg_finds_every_packet_of_every_track_through_the_playlists(
    make: Callable[[], Path],
) -> None:
    path = make()
    index = read_index(path)
    finalise(path)  # the addresses of the parts stay
    served = {"/video.mp4": path.read_bytes()}
    sounds = []
    for track in (None, *index.sounds):
        name, number = f"{track or 'picture'}", track or index.video_track
        served[f"/{name}.init.mp4"] = initialisation_segment(path, track=number)
        served[f"/{name}.m3u8"] = media_playlist(
            index,
            uri="video.mp4",
            initialisation_uri=f"{name}.init.mp4",
            ended=True,
            sound=track,
        ).encode()
        if track:
            sounds.append(AudioRendition(uri=f"{name}.m3u8", language="", name=name))
    variant = replace(TOP, uri="picture.m3u8", codecs=codecs(path))
    served["/master.m3u8"] = master_playlist([variant], sounds=sounds).encode()
    with _server(served) as (address, ranges):
        for number in range(len(sounds)):
            found = players.packets(f"{address}/master.m3u8", sound=number)
            assert found == players.packets(path, sound=number)
            assert {one.kind for one in found} == {"video", "audio"}
        parts = {f"bytes={one.offset}-{one.offset + one.size - 1}" for one in index.all_fragments()}
        assert set(ranges) >= parts


# -- tools


def _index(lengths: list[Fraction]) -> FragmentIndex:
    fragments = tuple(Fragment(700 + 1000 * n, 1000, length) for n, length in enumerate(lengths))
    return FragmentIndex(700, 1, fragments, sum(lengths, Fraction(0)), 700 + 1000 * len(lengths))


def _stream_infs(master: str) -> list[str]:
    return [line for line in master.splitlines() if line.startswith("#EXT-X-STREAM-INF")]


def _no_control_characters(text: str) -> bool:
    return not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


@contextmanager
def _server(served: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """On loopback, with byte ranges. Gives its address and, as it goes, the ranges asked for."""
    ranges: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            data = served.get(self.path.partition("?")[0])
            if data is None:
                self.send_error(404)
                return
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            first, last = 0, len(data) - 1
            if asked is not None:
                ranges.append(asked[0])
                first, last = int(asked[1]), min(int(asked[2] or last), last)
            self.send_response(206 if asked else 200)
            if asked is not None:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(last + 1 - first))
            self.end_headers()
            self.wfile.write(data[first : last + 1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Not on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", ranges
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
