"""Files that are finalised: the same packets and pictures as before, in an ordinary MP4."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from tests.boxes import load, save
from tests.examples import examples, one_in
from tests.videos.transcode import built, fragmented
from videos.transcode.errors import DiskFullError, NotFragmentedError
from videos.transcode.file_start import initialisation_segment, is_finalised
from videos.transcode.finalise import carry_out, finalise, hashes, plan_finalisation
from videos.transcode.fragments import codecs, describe, read_index

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]


def late_sound() -> Path:
    """5 s of picture, and sound from its second second on."""
    return clips.make(
        *("mp4", *clips.picture(5, "160x90"), "-itsoffset", "2", *clips.tone(3)),
        *(*fragmented.every(60), "-c:a", "aac", *fragmented.FLAGS),
    )


def one_frame() -> Path:
    return clips.make(
        *("mp4", *clips.picture(1, "160x90"), "-frames:v", "1"),
        *(*fragmented.every(60), *fragmented.FLAGS),
    )


def flat() -> Path:
    """Two constant colours: so few bytes that tests of many states are quick."""
    return built.tiny()


@cache
def separate() -> Path:
    """The same with two sounds, each in fragments of its own."""
    return built.stored(built.separate_mp4())


MAKERS: dict[str, Callable[[], Path]] = {
    **fragmented.MAKERS,
    "longer sound": fragmented.longer_sound,
    "late sound": late_sound,
    "old": lambda: fragmented.old(fragmented.encoded()),
    "old, without sound": lambda: fragmented.old(fragmented.encoded(layout=None)),
    "old, uneven frames": lambda: fragmented.old(clips.vfr_mp4()),
    "old, late sound": lambda: fragmented.old(late_sound()),
    "one frame": one_frame,
    "old, turned": lambda: fragmented.old(clips.phone_h264_mov(seconds=3)),
}
every_kind = pytest.mark.parametrize("make", one_in(6, MAKERS))


@cache
def finalised(path: Path) -> Path:
    """A copy that is finalised."""
    copy = clips.new_path("mp4", "finalised")
    shutil.copyfile(path, copy)
    finalise(copy)
    return copy


def ffprobe(path: Path, *entries: str) -> Any:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", ":".join(entries)]
    told = subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=60)
    return json.loads(told.stdout)


def all_packets(path: Path) -> dict[int, list[tuple[int, int, int, str]]]:
    """Of each track: decode time, time shown, bytes, keyframe or not."""
    found: dict[int, list[tuple[int, int, int, str]]] = {}
    entries = "packet=stream_index,dts,pts,size,flags"
    for one in ffprobe(path, entries)["packets"]:
        # D: decoded but not shown, as the first packet of AAC.
        flags = one["flags"][0]
        place = (one["dts"], one["pts"], int(one["size"]), flags)
        found.setdefault(one["stream_index"], []).append(place)
    return found


def decoded(path: Path, *, kind: str) -> list[str]:
    """The hash of each frame, of the picture ("v") or the sound ("a")."""
    lines = subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", f"0:{kind}?"),
            *("-fps_mode", "passthrough", "-f", "framemd5", "-"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.splitlines()
    return [line.rpartition(",")[2].strip() for line in lines if not line.startswith("#")]


# -- what it is


@pytest.mark.long  # test_sample_tables shows it in each run
@pytest.mark.ffmpeg
@every_kind
def test_no_fragment_is_left_at_the_top_level(make: Callable[[], Path]) -> None:
    path = finalised(make())
    assert [box.kind for box in fragmented.boxes(path)] == ["ftyp", "mdat", "moov"]
    assert is_finalised(path)
    assert not is_finalised(make())
    moov = load(path).find(b"moov")
    assert not moov.all(b"mvex")


@pytest.mark.ffmpeg
@every_kind
def test_packets_and_frames_are_the_same(make: Callable[[], Path]) -> None:
    before, after = make(), finalised(make())
    assert all_packets(before) == all_packets(after)
    assert decoded(before, kind="v") == decoded(after, kind="v")
    # Of an ordinary file, FFmpeg leaves out the priming in front of the sound, and the rest of the
    # last packet after its end.
    sound, now = decoded(before, kind="a"), decoded(after, kind="a")
    assert len(sound) - len(now) in (0, 1)
    assert now[:-1] == sound[len(sound) - len(now) : -1]


@pytest.mark.long  # test_sample_tables shows it in each run
@pytest.mark.ffmpeg
@every_kind
def test_its_headers_say_how_long_it_is(make: Callable[[], Path]) -> None:
    before, path = make(), finalised(make())
    told = float(ffprobe(path, "format=duration")["format"]["duration"])
    packets = fragmented.packets(before)
    # Files of older versions begin some frames late, and their sound ends as late.
    slack = float(packets[0].shown + max(packets[-1].lasts, packets[0].lasts)) + 0.025
    assert told == pytest.approx(float(read_index(before).duration), abs=slack)
    moov = load(path).find(b"moov")
    header = moov.find(b"mvhd")
    assert header.number(16) / header.number(12) == pytest.approx(told, abs=0.001)
    for track in moov.all(b"trak"):
        assert track.find(b"tkhd").number(20) > 0
        assert track.find(b"mdia", b"mdhd").number(16) > 0


@pytest.mark.long  # test_sample_tables shows it in each run
@pytest.mark.ffmpeg
@every_kind
def test_fragments_stay_where_they_are(make: Callable[[], Path]) -> None:
    before, after = make(), finalised(make())
    index, now = read_index(before), read_index(after)
    assert now.fragments == index.fragments
    assert now.duration == index.duration
    assert now.end == after.stat().st_size
    assert read_index(after, known=index) == now
    assert codecs(after) == codecs(before)
    old_bytes, new_bytes = before.read_bytes(), after.read_bytes()
    assert old_bytes[36:] == new_bytes[36 : len(old_bytes)]
    assert describe(after).bandwidth == describe(before).bandwidth


@pytest.mark.ffmpeg
@every_kind
def test_the_initialisation_segment_is_the_same_before_and_after(
    make: Callable[[], Path], tmp_path: Path
) -> None:
    before, after = make(), finalised(make())
    start = initialisation_segment(before)
    assert initialisation_segment(after) == start
    # With the fragments it is a whole file, of the same pictures.
    index, data = read_index(after), after.read_bytes()
    last = index.fragments[-1]
    played = tmp_path / "played.mp4"
    played.write_bytes(start + data[index.init_size : last.offset + last.size])
    assert fragmented.pictures(played) == fragmented.pictures(before)


@pytest.mark.ffmpeg
def test_a_picture_begins_at_nought_and_sound_with_its_priming() -> None:
    path = finalised(fragmented.encoded())
    shown = {
        one["codec_type"]: one["start_time"]
        for one in ffprobe(path, "stream=codec_type,start_time")["streams"]
    }
    assert float(shown["video"]) == 0
    packets = all_packets(path)
    assert packets[0][0][:2] == (-1024, 0)
    assert packets[1][0][:2] == (-1024, -1024)


@pytest.mark.ffmpeg
def test_a_turn_is_kept() -> None:
    path = finalised(fragmented.copied(clips.phone_h264_mov(seconds=3)))
    [video] = ffprobe(path, "stream=codec_type:stream_side_data=rotation")["streams"][:1]
    assert video["side_data_list"][0]["rotation"] in (90, -90)


@pytest.mark.ffmpeg
@pytest.mark.long  # in each run, offsets have 64 bits and the large mdat has such a size
def test_more_than_four_gigabytes_are_addressed(tmp_path: Path) -> None:
    path = tmp_path / "huge.mp4"
    data = built.tiny().read_bytes()
    index = read_index(built.tiny())
    last = index.fragments[-1]
    gap = 5 * 1024**3
    # A sparse box in the last fragment, in front of its moof.
    place = last.offset
    while data[place + 4 : place + 8] != b"moof":
        place += int.from_bytes(data[place : place + 4])
    with path.open("wb") as file:
        file.write(data[:place])
        file.write(struct.pack(">I4sQ", 1, b"styp", gap))
        file.seek(place + gap)
        file.write(data[place:])
    finalise(path)
    assert [box.kind for box in load_headers(path)] == ["ftyp", "mdat", "moov"]
    assert fragmented.pictures(path) == fragmented.pictures(built.tiny())
    table = finalise_tables(path)
    assert max(table) > gap


def load_headers(path: Path) -> list[fragmented.Box]:
    found, place = [], 0
    with path.open("rb") as file:
        while head := os.pread(file.fileno(), 16, place):
            size, kind = struct.unpack_from(">I4s", head)
            if size == 1:
                (size,) = struct.unpack_from(">Q", head, 8)
            found.append(fragmented.Box(kind.decode(), place, size))
            place += size
    return found


def finalise_tables(path: Path) -> list[int]:
    """The chunk offsets of the first track."""
    last = load_headers(path)[-1]
    with path.open("rb") as file:
        file.seek(last.start)
        moov = file.read()
    place = moov.index(b"co64") + 8
    (count,) = struct.unpack_from(">I", moov, place)
    return list(struct.unpack_from(f">{count}Q", moov, place + 4))


# -- kills, faults and damage


def states(path: Path) -> list[bytes]:
    """What a kill can leave: some of the moov, or all of it, before the start is changed."""
    data, done = path.read_bytes(), finalised(path).read_bytes()
    moov = done[len(data) :]
    rests = [moov[:n] for n in (0, 1, 4, 7, 8, 9, 36, len(moov) // 2, len(moov) - 1, len(moov))]
    # A power cut may leave zeros, for bytes that were not written yet.
    zeros = [bytes(len(rest)) for rest in rests if rest]
    half = [rest[: len(rest) // 2] + bytes(len(rest) - len(rest) // 2) for rest in rests]
    return [*(data + rest for rest in [*rests, *zeros, *half]), done]


@pytest.mark.parametrize("make", [flat, separate])
@pytest.mark.parametrize("number", range(30))
def test_a_file_that_a_kill_left_plays_and_is_finalised_again(
    number: int, make: Callable[[], Path], tmp_path: Path
) -> None:
    left = states(make())
    if number >= len(left):
        return
    path = tmp_path / "left.mp4"
    path.write_bytes(left[number])
    assert read_index(path).all_fragments() == read_index(make()).all_fragments()
    assert initialisation_segment(path) == initialisation_segment(make())
    assert codecs(path) == codecs(make())
    finalise(path)
    assert path.read_bytes() == finalised(make()).read_bytes()


@pytest.mark.ffmpeg
@pytest.mark.parametrize("number", one_in(3, range(0, 30, 6)))
def test_ffmpeg_plays_a_file_that_a_kill_left(number: int, tmp_path: Path) -> None:
    path = tmp_path / "left.mp4"
    path.write_bytes(states(flat())[number])
    assert fragmented.pictures(path) == fragmented.pictures(flat())


def test_finalising_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "again.mp4"
    shutil.copyfile(finalised(flat()), path)
    before = path.stat().st_mtime_ns
    assert finalise(path) == path.stat().st_size
    assert path.stat().st_mtime_ns == before


def test_a_file_that_was_replaced_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "replaced.mp4"
    shutil.copyfile(flat(), path)
    plan = plan_finalisation(path)
    other = tmp_path / "other.mp4"
    other.write_bytes(b"something else" * 9000)
    other.rename(path)
    with pytest.raises(NotFragmentedError):
        carry_out(path, plan)
    assert path.read_bytes() == b"something else" * 9000


def test_of_two_processes_one_changes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "two.mp4"
    shutil.copyfile(flat(), path)
    plan = plan_finalisation(path)
    refused: list[BlockingIOError] = []

    def meanwhile() -> None:
        with pytest.raises(BlockingIOError) as caught:
            carry_out(path, plan)
        refused.append(caught.value)

    carry_out(path, plan, tick=meanwhile)
    assert refused
    carry_out(path, plan)  # planned before, but done by now
    assert path.read_bytes() == finalised(flat()).read_bytes()


@pytest.mark.parametrize("make", [flat, separate])
def test_a_cut_file_is_left_as_it_is(make: Callable[[], Path], tmp_path: Path) -> None:
    data = make().read_bytes()
    index = read_index(make())
    last = index.all_fragments()[-1]
    path = tmp_path / "cut.mp4"
    end = last.offset + last.size
    for size in (0, 30, index.init_size, last.offset + 8, end - 1, end, end + 8, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(NotFragmentedError):
            finalise(path)
        assert path.read_bytes() == data[:size]


def test_a_short_ftyp_has_no_room(tmp_path: Path) -> None:
    path = tmp_path / "short.mp4"
    file = load(flat())
    file.boxes[0].content = file.boxes[0].content[:16]
    save(file, path)
    with pytest.raises(NotFragmentedError) as caught:
        finalise(path)
    assert "ftyp" in caught.value.detail


@settings(deadline=None, max_examples=examples(60))
@given(
    make=st.sampled_from([flat, separate]),
    place=st.integers(0, 6000),
    damage=st.binary(min_size=1, max_size=12),
)
def test_damage_is_told_or_does_not_matter(
    make: Callable[[], Path], place: int, damage: bytes
) -> None:
    data = bytearray(make().read_bytes())
    place %= len(data)
    data[place : place + len(damage)] = damage
    path = clips.folder() / "damaged-for-finalising.mp4"
    path.write_bytes(data)
    before = bytes(data)
    try:
        index = read_index(path)
        finalise(path)
    except NotFragmentedError:
        assert path.read_bytes() == before
    else:
        assert read_index(path).all_fragments() == index.all_fragments()


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "full.mp4"
    shutil.copyfile(flat(), path)
    size = path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, limits[1]))
        with pytest.raises(DiskFullError) as caught:
            finalise(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.strerror(errno.EFBIG) in caught.value.detail
    assert path.read_bytes() == flat().read_bytes()
    finalise(path)
    assert path.read_bytes() == finalised(flat()).read_bytes()


def test_a_tick_that_raises_ends_it_and_the_file_plays_as_before(tmp_path: Path) -> None:
    path = tmp_path / "stopped.mp4"
    shutil.copyfile(flat(), path)
    plan = plan_finalisation(path)

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        finalise(path, tick=stop)
    with pytest.raises(InterruptedError):
        carry_out(path, plan, tick=stop)
    assert path.read_bytes() == flat().read_bytes()


def test_hashes_are_those_of_the_file_before_and_after(tmp_path: Path) -> None:
    from hashlib import sha256

    path = tmp_path / "hashed.mp4"
    shutil.copyfile(flat(), path)
    plan = plan_finalisation(path)
    before, after = hashes(path, plan)
    assert before == sha256(path.read_bytes()).hexdigest()
    carry_out(path, plan)
    assert after == sha256(path.read_bytes()).hexdigest()
    assert hashes(path, plan_finalisation(path))[1] == after


KILLED = """
import sys, time
from pathlib import Path
from videos.transcode.finalise import finalise
print("ready", flush=True)
sys.stdin.readline()
finalise(Path(sys.argv[1]))
"""


@pytest.mark.ffmpeg
@pytest.mark.long  # each state that a kill can leave is tried in each run
@pytest.mark.parametrize("make", [fragmented.encoded, fragmented.separate])
def test_a_hundred_kills_leave_files_that_play(make: Callable[[], Path], tmp_path: Path) -> None:
    chance = random.Random(14)
    path = tmp_path / "killed.mp4"
    source = make()
    done = finalised(source).read_bytes()
    pictures = fragmented.pictures(source)
    finished = 0
    for number in range(100):
        shutil.copyfile(source, path)
        command = [sys.executable, "-c", KILLED, str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write("\n")
            process.stdin.flush()
            time.sleep(chance.uniform(0, 0.012))
            process.kill()
        finished += is_finalised(path)
        assert read_index(path).all_fragments() == read_index(source).all_fragments()
        if number % 10 == 0:
            assert fragmented.pictures(path) == pictures
        finalise(path)
        assert path.read_bytes() == done
    assert 0 < finished < 100  # some came before the change, and some after it


# -- costs


@pytest.mark.long  # the same for two hundred thousand fragments as for a few
def test_the_longest_video_is_finalised_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    tracks = [built.picture(), built.sound(8, 8, 8)]
    path.write_bytes(many_fragments(tracks, 200_000))
    assert peak_kilobytes(path) < 400_000  # with 2.6 million samples


@pytest.mark.long  # the same for a hundred thousand fragments as for a few
def test_the_longest_video_with_eight_sounds_is_finalised_in_bounded_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "long.mp4"
    packets = tuple(built.Sample(bytes(3 + n % 5), built.PACKET_TICKS) for n in range(187))
    sounds = [replace(built.sound(number=2 + n), fragments=(packets,) * 3) for n in range(8)]
    path.write_bytes(many_fragments([built.picture(), *sounds], 12 * 900))
    assert peak_kilobytes(path) < 300_000  # with 16 million samples


def peak_kilobytes(path: Path) -> int:
    """Finalises a file in another process. Returns how much memory that took."""
    script = (
        "import sys; from pathlib import Path; from videos.transcode.finalise import finalise;"
        "finalise(Path(sys.argv[1])); print(Path('/proc/self/status').read_text())"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    found = re.search(r"VmHWM:\s+(\d+) kB", told.stdout)
    assert found is not None
    return int(found[1])


def many_fragments(tracks: list[built.Track], count: int) -> bytes:
    """The second fragment of each track again and again, each with its own times."""
    data = (built.separate_mp4 if len(tracks) > 2 else built.fragmented_mp4)(*tracks)
    index = read_index(built.stored(data))
    lasts = [sum(sample.lasts for sample in track.fragments[1]) for track in tracks]
    patterns: list[tuple[bytearray, list[tuple[int, int]]]] = []
    for n, (_, one, *_) in enumerate([index.fragments, *index.sounds.values()]):
        pattern = bytearray(data[one.offset : one.offset + one.size])
        present = lasts[n : n + 1] if index.is_separate else lasts
        # Where 64-bit times stand: in each sidx, and in each tfdt.
        places = [place + 16 for place in places_of(b"sidx", pattern)]
        places += [place + 8 for place in places_of(b"tfdt", pattern)]
        patterns.append((pattern, list(zip(places, present * 2, strict=True))))
    parts = [data[: index.init_size]]
    for number in range(count):
        for pattern, times in patterns:
            for place, ticks in times:
                struct.pack_into(">Q", pattern, place, ticks * number)
            parts.append(bytes(pattern))
    return b"".join([*parts, data[index.media_end :]])


def places_of(kind: bytes, data: bytearray) -> list[int]:
    return [place for place in range(len(data)) if data[place : place + 4] == kind]
