"""Files in which each track has its own fragments, so that players load one of several sounds."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests import boxes, clips, players
from tests.examples import one_in
from tests.processes import process
from tests.videos.transcode import built, fragmented
from videos.transcode import fragments as under_test
from videos.transcode.errors import NotFragmentedError
from videos.transcode.file_start import INITIALISATION_FTYP, initialisation_segment
from videos.transcode.finalise import finalise
from videos.transcode.fragments import (
    EMPTY_INDEX,
    FragmentIndex,
    SoundFacts,
    codecs,
    describe,
    read_index,
    track_ends,
)
from videos.transcode.user_data import remove_user_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.videos.transcode.built import Track

TRACKS = (built.picture(), built.sound(), built.sound(number=3))
CASES: dict[str, tuple[Track, ...]] = {
    "two sounds": TRACKS,
    "sounds first": (built.sound(number=1), built.sound(number=2), built.picture(number=3)),
    "one ends early": (built.picture(), built.sound(), built.sound(8, 3, 0, number=3)),
    "one begins late": (built.picture(), built.sound(), built.sound(0, 4, 8, start=8000, number=3)),
    "one goes on": (built.picture(), built.sound(number=9), built.sound(8, 8, 40, number=3)),
    "sixteen": (built.picture(), *(built.sound(number=n) for n in range(2, 18))),
}
every_case = pytest.mark.parametrize("tracks", CASES.values(), ids=CASES)


def stored(*tracks: Track) -> Path:
    return built.stored(built.separate_mp4(*tracks))


def is_sound(track: Track) -> bool:
    return track.handler == b"soun"


# -- the index


@every_case
def test_each_track_has_its_own_fragments(tracks: tuple[Track, ...]) -> None:
    path = stored(*tracks)
    data, index = path.read_bytes(), read_index(path)
    assert index.is_separate
    assert list(index.sounds) == [track.number for track in tracks if is_sound(track)]
    place = index.init_size
    for one in index.all_fragments():
        assert one.offset == place
        place += one.size
    assert data[place + 4 : place + 8] == b"mfra"
    assert (index.media_end, index.end) == (place, len(data))
    for track in tracks:
        found = index.sounds[track.number] if is_sound(track) else index.fragments
        filled = [samples for samples in track.fragments if samples]
        assert len(found) == len(filled)
        end = Fraction(track.start, track.scale)
        for fragment, samples in zip(found, filled, strict=True):
            part = data[fragment.offset : fragment.offset + fragment.size]
            assert part.endswith(b"".join(sample.data for sample in samples))
            assert part[4:8] == b"sidx"
            before = end if fragment is not found[0] else 0
            end += Fraction(sum(sample.lasts for sample in samples), track.scale)
            assert fragment.duration == end - before
        seconds = index.sound_durations[track.number] if is_sound(track) else index.duration
        assert seconds == end == sum(fragment.duration for fragment in found)
        assert track_ends(path, index)[track.number] == end


def test_one_sound_makes_no_separate_file() -> None:
    index = read_index(built.tiny())
    assert not index.is_separate
    assert not index.sounds
    assert index.all_fragments() == list(index.fragments)
    last = index.fragments[-1]
    assert index.media_end == last.offset + last.size


def test_several_sounds_in_the_fragments_of_the_picture_are_no_separate_file() -> None:
    index = read_index(built.stored(built.fragmented_mp4(*TRACKS)))
    assert not index.is_separate
    assert len(index.fragments) == 3
    assert index.duration == 3


def test_of_a_file_cut_anywhere_only_what_is_whole_is_listed(tmp_path: Path) -> None:
    data, final = built.separate_mp4(), read_index(stored())
    growing = tmp_path / "growing.mp4"
    known = EMPTY_INDEX
    with growing.open("wb", buffering=0) as writing, growing.open("rb") as reading:
        for size in range(len(data) + 1):
            known = read_index(reading, known=known)
            assert known == read_index(reading)
            whole = [one for one in final.all_fragments() if one.offset + one.size <= size]
            assert known.all_fragments() == whole
            assert known.fragments == final.fragments[: len(known.fragments)]
            assert known.is_separate == (size >= final.init_size)
            assert known.end <= size
            writing.write(data[size : size + 1])
    assert read_index(growing, known=known) == final


# -- facts


def test_facts_name_each_sound() -> None:
    opus = built.sound(number=3, entry=built.sound_entry(b"Opus"))
    path = stored(built.picture(), built.sound(number=7), opus)
    assert codecs(path) == "avc1.4D400A,mp4a.40.2"
    facts = describe(path)
    assert facts.codecs == "avc1.4D400A,mp4a.40.2"
    assert facts.sounds == (SoundFacts(7, "mp4a.40.2"), SoundFacts(3, "opus"))
    assert describe(built.tiny()).sounds == (SoundFacts(2, "mp4a.40.2"),)


def test_rates_are_of_the_picture_and_the_largest_sound() -> None:
    packets = tuple((built.Sample(bytes(10_000), 8000),) for _ in range(3))
    large = replace(built.sound(number=3), fragments=packets)
    path = stored(built.picture(), built.sound(), large)
    index, facts = read_index(path), describe(path)
    picture, sound = (
        8 * sum(one.size for one in fragments) / 3
        for fragments in (index.fragments, index.sounds[3])
    )
    assert facts.average_bandwidth == pytest.approx(picture + sound, abs=1)
    peaks = [
        max(8 * (a.size + b.size) / 2 for a, b in pairwise(parts))
        for parts in (index.fragments, index.sounds[3])
    ]
    assert facts.bandwidth == pytest.approx(sum(peaks), rel=0.05)
    assert facts.bandwidth >= facts.average_bandwidth


# -- initialisation segments


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_initialisation_segment_of_one_track_has_only_this_one(number: int) -> None:
    path = stored()
    segment = initialisation_segment(path, track=number)
    assert segment.startswith(INITIALISATION_FTYP)
    moov = boxes.load(built.stored(segment)).find(b"moov")
    whole = boxes.load(path).find(b"moov")
    [trak] = moov.all(b"trak")
    assert trak.as_bytes() == whole.all(b"trak")[number - 1].as_bytes()
    assert trak.all(b"edts")
    [trex] = moov.find(b"mvex").all(b"trex")
    assert trex.number(4) == number
    assert [box.kind for box in moov.boxes] == [b"mvhd", b"trak", b"mvex", b"udta"]


def test_without_a_track_an_initialisation_segment_has_all() -> None:
    assert initialisation_segment(stored()) == built.FTYP + built.moov(TRACKS)


def test_the_only_track_is_enabled() -> None:
    data = bytearray(built.separate_mp4())
    place = data.rindex(b"tkhd", 0, data.index(b"sidx"))
    data[place + 7] = 2
    segment = initialisation_segment(built.stored(bytes(data)), track=3)
    moov = boxes.load(built.stored(segment)).find(b"moov")
    assert moov.find(b"trak", b"tkhd").number(0) == 3


def test_a_track_that_is_not_there_is_told() -> None:
    with pytest.raises(NotFragmentedError) as caught:
        initialisation_segment(stored(), track=4)
    assert "no track 4" in caught.value.detail


# -- samples


def test_user_data_of_the_picture_is_replaced_and_nothing_else() -> None:
    user_data = built.unit(b"\x06\x05\x14" + bytes(16) + b"N47W" + b"\x80")
    kept = built.unit(b"\x06\x05\x14" + bytes(16) + b"N48W" + b"\x80")
    pictures = built.picture(*(built.frames(n, first=user_data) for n in range(3)))
    sounds = [
        replace(built.sound(number=n), fragments=((built.Sample(kept, 1024),),)) for n in (2, 3)
    ]
    for order in ((pictures, *sounds), (*sounds, pictures)):
        path = stored(*order)
        data, index = path.read_bytes(), read_index(path)
        assert remove_user_data(path) == 3
        assert b"N47W" not in path.read_bytes()
        assert path.read_bytes().count(b"N48W") == 2
        assert len(path.read_bytes()) == len(data)
        assert read_index(path) == index


# -- what FFmpeg writes

every_kind = pytest.mark.parametrize("make", one_in(7, fragmented.SEPARATE_MAKERS))


@pytest.mark.ffmpeg
@every_kind
def test_each_track_plays_by_itself(make: Callable[[], Path], tmp_path: Path) -> None:
    """A player that has one initialisation segment and one track's fragments has all its packets,
    with the times of the whole file."""
    path = make()
    data, index = path.read_bytes(), read_index(path)
    for stream, track in enumerate(numbers_in_order(path)):
        parts = index.sounds.get(track, index.fragments)
        one = tmp_path / f"{track}.mp4"
        one.write_bytes(
            initialisation_segment(path, track=track)
            + b"".join(data[part.offset : part.offset + part.size] for part in parts)
        )
        assert times(one, 0) == times(path, stream) != []


@pytest.mark.ffmpeg
@pytest.mark.gstreamer
@pytest.mark.mediainfo
@pytest.mark.mpv
@every_kind
def test_players_agree_on_a_finalised_file(make: Callable[[], Path]) -> None:
    path = make()
    index = read_index(path)
    before = [times(path, n) for n in range(len(index.sounds) + 1)]
    spoken = [sound["tags"]["language"] for sound in sounds_of(path)]
    assert "deu" in spoken
    finalise(path)
    found = sounds_of(path)
    assert [sound["tags"]["language"] for sound in found] == spoken
    assert [sound["disposition"]["default"] for sound in found] == [1] + [0] * (len(found) - 1)
    told = players.assert_players_agree(path)
    assert {it.sounds for it in told.values()} == {len(index.sounds)}
    assert [times(path, n) for n in range(len(index.sounds) + 1)] == before


@pytest.mark.ffmpeg
@pytest.mark.long  # a file that grows byte by byte is read in each run
def test_what_is_listed_while_ffmpeg_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "growing.mp4"
    sounds = [word for _ in range(3) for word in ("-re", *clips.tone(6))]
    maps = [word for n in range(4) for word in ("-map", str(n))]
    command = [
        *("ffmpeg", "-nostdin", "-v", "error", "-re", *clips.picture(6, "160x90"), *sounds, *maps),
        *(*fragmented.every(30), "-c:a", "aac", *fragmented.SEPARATE_FLAGS, str(path)),
    ]
    seen: list[FragmentIndex] = []
    known = EMPTY_INDEX
    with process(command, log=tmp_path / "log") as writing:
        deadline = time.monotonic() + 25
        while writing.poll() is None and time.monotonic() < deadline:
            if path.exists():
                known = read_index(path, known=known)
                if known.fragments and (not seen or seen[-1] != known):
                    seen.append(known)
            time.sleep(0.02)
    assert writing.returncode == 0
    final = read_index(path)
    assert len(final.fragments) == 6
    assert len({len(index.fragments) for index in seen} - {6}) >= 4  # it was seen to grow
    for index in seen:
        parts = index.all_fragments()
        assert final.all_fragments()[: len(parts)] == parts
        assert index.is_separate
        # FFmpeg writes the fragments of all tracks at once.
        counts = [len(index.fragments), *map(len, index.sounds.values())]
        assert max(counts) - min(counts) <= 1
    assert read_index(path, known=known) == final


def sounds_of(path: Path) -> list[Any]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-select_streams", "a", "-of", "json"]
    told = subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=60)
    found: list[Any] = json.loads(told.stdout)["streams"]
    return found


def numbers_in_order(path: Path) -> list[int]:
    return [trak.find(b"tkhd").number(12) for trak in boxes.tracks(boxes.load(path))]


def times(path: Path, stream: int) -> list[tuple[str, str]]:
    """When each packet of a track is shown, in seconds, and its bytes."""
    command = ["ffprobe", "-v", "error", "-select_streams", str(stream), "-of", "json"]
    entries = ("-show_entries", "packet=pts_time,size")
    told = subprocess.run(
        [*command, *entries, str(path)], check=True, capture_output=True, timeout=60
    )
    return [(one["pts_time"], one["size"]) for one in json.loads(told.stdout)["packets"]]


# -- damage


def test_a_fragment_of_several_tracks_among_others_is_told() -> None:
    data = built.FTYP + built.moov(TRACKS)
    data += b"".join(built.fragment([track], 0) for track in TRACKS)
    data += built.fragment(TRACKS, 1)
    with pytest.raises(NotFragmentedError) as caught:
        read_index(built.stored(data))
    assert "several tracks" in caught.value.detail


def test_a_fragment_of_a_track_that_the_moov_lacks_is_told() -> None:
    data = built.FTYP + built.moov(TRACKS) + built.fragment([built.sound(number=4)], 0)
    with pytest.raises(NotFragmentedError) as caught:
        read_index(built.stored(data))
    assert "track 4" in caught.value.detail


def test_a_file_of_nothing_but_fragments_is_refused_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(under_test, "MAX_FRAGMENTS", 5)
    monkeypatch.setattr(under_test, "MAX_FRAGMENTS_OF_ALL", 8)
    path = stored()
    with pytest.raises(NotFragmentedError) as caught:
        read_index(path)
    assert "more than 8 fragments" in caught.value.detail
    monkeypatch.setattr(under_test, "MAX_FRAGMENTS_OF_ALL", 9)
    assert len(read_index(path).all_fragments()) == 9


def test_too_many_tracks_are_told() -> None:
    sounds = [built.sound(number=n) for n in range(2, 66)]
    assert len(read_index(stored(built.picture(), *sounds[:63])).sounds) == 63
    with pytest.raises(NotFragmentedError) as caught:
        read_index(stored(built.picture(), *sounds))
    assert "64 tracks" in caught.value.detail
