"""Sources whose tracks start and end at different times: what is published fills its timeline."""

from __future__ import annotations

import functools
import json
import re
import struct
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests import boxes, clips
from tests.examples import one_in
from videos.transcode import commands
from videos.transcode.caption_tracks import extract_captions
from videos.transcode.errors import DifferentTimesError
from videos.transcode.fragments import read_index, track_ends
from videos.transcode.pipeline import transcode, transcode_lower
from videos.transcode.plan import COPY_KEYFRAME_SECONDS
from videos.transcode.rates import target_duration
from videos.transcode.results import TranscodeResult
from videos.transcode.types import Options, Plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg

OPTIONS = Options(accepted=("mp4", "mov", "mkv", "webm", "avi", "ts", "flv", "mpg"), ladder=())
X264 = clips.x264(20)
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=none")
AAC = ("-c:a", "aac")
SIZE, FPS = "160x90", "10"
SLACK = 0.11  # one frame, and rounding

Heard = tuple[tuple[float, float, bool], ...]


def picture(seconds: float, start: float = 0) -> tuple[str, ...]:
    """Input options: red until the last half second, which is blue; from a time on."""
    shown = f"color=red:size={SIZE}:rate={FPS}:duration={seconds}"
    blue = f"drawbox=color=blue:t=fill:enable='gte(t,{seconds - 0.5})'"
    return ("-itsoffset", f"{start}", "-f", "lavfi", "-i", f"{shown},{blue}")


def tone(seconds: float, start: float = 0) -> tuple[str, ...]:
    wave = f"aevalsrc='0.4*sin(440*2*PI*t)':c=stereo:s=44100:d={seconds}"
    return ("-itsoffset", f"{start}", "-f", "lavfi", "-i", wave)


def made(suffix: str, *words: str) -> Path:
    return clips.make(suffix, *words)


def muxed(suffix: str, seen: Path, heard: Path, *options: str) -> Path:
    """Two files in one, without encoding them."""
    words = ("-i", str(seen), "-i", str(heard), "-map", "0:v", "-map", "1:a", "-c", "copy")
    return made(suffix, *words, *options)


def silent(seconds: float, coder: tuple[str, ...] = X264, suffix: str = "mp4") -> Path:
    return made(suffix, *picture(seconds), *coder)


def sound_file(seconds: float) -> Path:
    return made("m4a", *tone(seconds), *AAC)


def without_packets(suffix: str, *coder: str) -> Path:
    """A sound track that is described and holds nothing."""
    drop = ("-bsf:a", "noise=drop=1")
    return made(suffix, *picture(3), *tone(1), *coder, *drop)


def with_empty_table(suffix: str, sound: str = "aac") -> Path:
    """An MP4 or MOV whose sound track lists no samples."""
    clip = made(suffix, *picture(3), *tone(1), *X264, "-c:a", sound)
    file = boxes.load(clip)
    [track] = boxes.tracks(file, b"soun")
    table = boxes.sample_table(track)
    empty = struct.pack(">II", 0, 0)
    for kind in (b"stts", b"stsc", b"stco"):
        table.find(kind).content = empty
    table.find(b"stsz").content = struct.pack(">III", 0, 0, 0)
    table.remove(b"sgpd", b"sbgp")
    track.remove(b"edts")
    track.find(b"mdia", b"mdhd").patch(16, ">I", 0)
    track.find(b"tkhd").patch(20, ">I", 0)
    return boxes.save(file, clips.new_path(suffix, "empty-sound"))


def hole(suffix: str) -> Path:
    """No sound from 2 to 6 s. In MP4, the packet before it lasts until it ends."""
    drop = "noise=drop='gt(n,86)*lt(n,258)'"
    return muxed(suffix, silent(8), sound_file(8), "-bsf:a", drop)


def dropped_frames() -> Path:
    """An AVI that ends with frames of no bytes, as programs write that capture a screen."""
    coder = ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "mp2")
    data = made("avi", *picture(4), *tone(4), *coder).read_bytes()
    start = data.index(b"movi") + 4
    out, index, place, frames = bytearray(), bytearray(), start, 0
    while data[place : place + 4] in (b"00dc", b"01wb"):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        content = data[place + 8 : place + 8 + size]
        frames += kind == b"00dc"
        if kind == b"00dc" and frames > 25:
            content = b""
        index += kind + struct.pack("<III", 0x10, len(out) + 4, len(content))
        out += kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        place += 8 + size + size % 2
    head = bytearray(data[:start])
    struct.pack_into("<I", head, start - 8, len(out) + 4)
    whole = bytes(head + out) + b"idx1" + struct.pack("<I", len(index)) + bytes(index)
    path = clips.new_path("avi", "dropped")
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    return path


def cut_in_a_group() -> Path:
    """The first 1.5 s of the picture are missing, so that it starts without a keyframe."""
    drop = ("-bsf:v", "noise=drop='lt(n,15)'")
    return muxed("mkv", silent(8, clips.x264(40, b_frames=0)), sound_file(8), *drop)


def cut_in_a_group_without_sound() -> Path:
    return made("mkv", "-i", str(cut_in_a_group()), "-an", "-c", "copy", "-copyinkf")


def second_sound_has_packets() -> Path:
    words = (*picture(3), *tone(1), *tone(3), "-map", "0", "-map", "1", "-map", "2")
    return made("mkv", *words, *X264, *AAC, "-bsf:a:0", "noise=drop=1")


def other_track_starts_first() -> Path:
    """A second picture, which is not used, and subtitles start 3 s before the others."""
    words = ("-itsoffset", "3", "-i", str(silent(3)), *tone(3, 3), "-i", str(silent(6)))
    texts = ("-i", str(clips.with_subtitles("mkv", "subrip", "eng")))
    maps = ("-map", "0", "-map", "1", "-map", "2", "-map", "3:s")
    flags = ("-disposition:v:0", "default", "-disposition:v:1", "0")
    return made("mkv", *words, *texts, *maps, "-c:v", "copy", *AAC, "-c:s", "copy", *flags)


def sound_behind_picture() -> Path:
    """All of the picture comes before the sound in the file."""
    return muxed(
        "mkv", silent(20), sound_file(20), "-max_interleave_delta", "1", "-flush_packets", "1"
    )


class Case(NamedTuple):
    """A source and what is published.

    ``heard`` are spans of the result and whether they have sound; ``copied`` and ``sound_copied``
    whether picture and sound were; None for no sound.
    """

    make: Callable[[], Path]
    seconds: float
    copied: bool = True
    sound_copied: bool | None = True
    heard: Heard = ()
    starts_red: bool = True
    ends_blue: bool = True


def case(suffix: str, *words: str) -> Callable[[], Path]:
    return lambda: made(suffix, *words)


VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-ar", "48000")
FRAGMENTS = ("-movflags", "+frag_keyframe+empty_moov")

CASES: dict[str, Case] = {
    # The sound ends later.
    "sound longer, copied": Case(
        case("mp4", *picture(4), *tone(5.5), *X264, *AAC), 5.5, heard=((4.2, 5.3, True),)
    ),
    "sound longer, in fragments": Case(
        # At this rate, FFmpeg writes the first packet of sound 0.2 s before the others.
        case("mp4", *picture(4), *tone(5.5), *X264, *AAC, *FRAGMENTS),
        5.7,
        sound_copied=False,
    ),
    "sound longer, mkv": Case(case("mkv", *picture(4), *tone(5.5), *X264, *AAC), 5.5),
    "sound longer, encoded": Case(
        case("mp4", *picture(4), *tone(5.5), *X265, *AAC), 5.5, copied=False
    ),
    "sound longer, webm": Case(
        case("webm", *picture(3), *tone(4.5), *VP8), 4.5, copied=False, sound_copied=False
    ),
    "sound longer, avi": Case(
        case("avi", *picture(3), *tone(5), "-c:v", "mpeg4", "-c:a", "mp2"),
        5,
        copied=False,
        sound_copied=False,
    ),
    "sound longer, ts": Case(case("ts", *picture(3), *tone(5), *X264, *AAC), 5, sound_copied=False),
    "one frame, copied": Case(
        case("mkv", *picture(0.1), *tone(3), *X264, *AAC), 3, starts_red=False
    ),
    # The sound ends earlier.
    "sound shorter, copied": Case(
        case("mp4", *picture(8), *tone(2), *X264, *AAC),
        8,
        sound_copied=False,
        heard=((0.1, 1.8, True), (2.3, 7.9, False)),
    ),
    "sound shorter, encoded": Case(
        case("mp4", *picture(4), *tone(1), *X265, *AAC),
        4,
        copied=False,
        sound_copied=False,
        heard=((0.1, 0.8, True), (1.3, 3.9, False)),
    ),
    "sound a little shorter": Case(case("mp4", *picture(4), *tone(3.85), *X264, *AAC), 4),
    "sound a little shorter, mkv": Case(case("mkv", *picture(4), *tone(3.85), *X264, *AAC), 4),
    "sound a little shorter, mkv, encoded": Case(
        case("mkv", *picture(4), *tone(3.85), *X265, *AAC), 4, copied=False
    ),
    "sound of one packet": Case(
        case("mp4", *picture(4), *tone(0.02), *X264, *AAC), 4, sound_copied=False
    ),
    "sound shorter, flv": Case(
        case("flv", *picture(4), *tone(2), "-c:v", "flv1", "-c:a", "libmp3lame"),
        4,
        copied=False,
        sound_copied=False,
    ),
    "sound much longer": Case(case("mp4", *picture(2), *tone(30), *X264, *AAC), 30, copied=False),
    "a still with sound": Case(
        case("mp4", *picture(0.1), *tone(20), *X264, *AAC), 20, copied=False, starts_red=False
    ),
    "a still of 0.04 s with sound": Case(
        case(
            *("mp4", "-f", "lavfi", "-i", f"color=blue:size={SIZE}:rate=25:duration=0.04"),
            *(*tone(20), *X264, *AAC),
        ),
        20,
        copied=False,
        starts_red=False,
    ),
    # Sound without packets.
    "no packets, mp4": Case(lambda: with_empty_table("mp4"), 3, sound_copied=None),
    "no packets, pcm in mov": Case(
        lambda: with_empty_table("mov", "pcm_s16le"), 3, sound_copied=None
    ),
    "no packets, mkv": Case(
        lambda: without_packets("mkv", *X264, "-c:a", "libopus"), 3, sound_copied=None
    ),
    "no packets, webm": Case(
        lambda: without_packets("webm", *VP8), 3, copied=False, sound_copied=None
    ),
    "no packets, avi": Case(
        lambda: without_packets("avi", "-c:v", "mpeg4", "-c:a", "mp2"),
        3,
        copied=False,
        sound_copied=None,
    ),
    "no packets, ts": Case(lambda: without_packets("ts", *X264, *AAC), 3, sound_copied=None),
    "no packets in the first track": Case(second_sound_has_packets, 3, heard=((0.1, 2.8, True),)),
    # Sound with holes, or late.
    "hole, mp4": Case(
        lambda: hole("mp4"),
        8,
        sound_copied=False,
        heard=((0.1, 1.8, True), (2.2, 5.8, False), (6.2, 7.9, True)),
    ),
    "hole, mkv": Case(
        lambda: hole("mkv"),
        8,
        sound_copied=False,
        heard=((0.1, 1.8, True), (2.2, 5.8, False), (6.2, 7.9, True)),
    ),
    "sound late": Case(
        case("mkv", *picture(6), *tone(2, 4), *X264, *AAC),
        6,
        sound_copied=False,
        heard=((0, 3.8, False), (4.2, 5.8, True)),
    ),
    "sound a little late and longer": Case(
        lambda: made(
            *("mkv", "-i", str(silent(4))),
            *("-itsoffset", "0.15", "-i", str(sound_file(4.2)), "-c", "copy"),
        ),
        4.36,
        sound_copied=False,
    ),
    "sound late, encoded": Case(
        case("mp4", *picture(6), *tone(2, 3), *X265, *AAC),
        6,
        copied=False,
        sound_copied=False,
        heard=((0, 2.8, False), (3.2, 4.8, True), (5.3, 5.9, False)),
    ),
    # The picture late.
    "sound 0.3 s earlier, mp4": Case(
        case("mp4", *picture(4, 0.3), *tone(4.3), *X264, *AAC), 4.3, heard=((0.05, 4.1, True),)
    ),
    "sound 0.3 s earlier, mkv": Case(
        case("mkv", *picture(4, 0.3), *tone(4.3), *X264, *AAC), 4.3, heard=((0.05, 4.1, True),)
    ),
    "picture late, copied": Case(case("mp4", *picture(4, 3), *tone(7), *X264, *AAC), 7),
    "picture late, encoded": Case(
        case("mp4", *picture(3, 3), *tone(6), *X265, *AAC), 6, copied=False
    ),
    "picture very late": Case(
        case("mkv", *picture(4, 12), *tone(16), *X264, *AAC), 16, copied=False
    ),
    "picture from within a group": Case(cut_in_a_group, 8, copied=False),
    "picture from within a group, no sound": Case(
        cut_in_a_group_without_sound,
        4,
        copied=False,
        sound_copied=None,
    ),
    "picture within the sound": Case(
        case("mkv", *picture(2, 3), *tone(8), *X264, *AAC), 8, copied=False
    ),
    "one after the other": Case(
        case("mkv", *picture(2), *tone(2, 3), *X264, *AAC), 5, sound_copied=False
    ),
    # Other starts.
    "both late": Case(
        lambda: clips.started_at(made("mp4", *picture(4), *tone(4), *X264, *AAC), 7, "mkv"), 4
    ),
    "before nought, ts": Case(
        lambda: made(
            "ts",
            *("-copyts", "-i", str(made("mp4", *picture(4), *tone(4), *X264, *AAC)), "-c", "copy"),
            *("-output_ts_offset", "-1.4", "-muxdelay", "0", "-avoid_negative_ts", "disabled"),
        ),
        4,
        sound_copied=False,
    ),
    "another track starts first": Case(other_track_starts_first, 3),
    # Places in the file.
    "frames of no bytes": Case(
        dropped_frames, 4, copied=False, sound_copied=False, ends_blue=False
    ),
    "picture with a hole": Case(
        case(
            "mkv",
            *picture(16),
            *tone(16),
            "-vf",
            "select='lt(t,3)+gt(t,13)'",
            "-vsync",
            "passthrough",
            *X264,
            *AAC,
        ),
        16,
        copied=False,
    ),
    "sound behind the picture": Case(sound_behind_picture, 20),
}


@functools.cache
def result_of(clip: Path) -> TranscodeResult:
    return transcode(clip, clips.new_path("work"), options=OPTIONS)


def ffprobe(path: Path, *words: str) -> Any:
    command = ["ffprobe", "-v", "error", "-of", "json", *words, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)


def first_time(path: Path, kind: str) -> float:
    """When a track's first packet starts, without what edit lists hide."""
    told = ffprobe(path, "-select_streams", kind, "-show_packets")["packets"]
    return min(float(one["pts_time"]) for one in told if "D" not in one["flags"])


def loudness(path: Path, start: float, end: float) -> float:
    """The highest level of a span of sound in dB; -91 for silence."""
    filters = f"atrim={start}:{end},volumedetect"
    words = [
        "ffmpeg",
        "-nostdin",
        "-i",
        str(path),
        "-map",
        "0:a",
        "-af",
        filters,
        "-f",
        "null",
        "-",
    ]
    told = subprocess.run(words, check=True, capture_output=True, timeout=60).stderr.decode()
    found = re.search(r"max_volume: (-?[\d.]+) dB", told)
    assert found, told
    return float(found[1])


def colour_at_end(path: Path, *, last: bool) -> str:
    """The colour of the first or the last frame."""
    words = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v"]
    words += ["-vf", "scale=1:1:flags=area", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixels = subprocess.run(words, check=True, capture_output=True, timeout=60).stdout
    red, _, blue = pixels[-3:] if last else pixels[:3]
    return "blue" if blue > red else "red"


def assert_fills(path: Path, seconds: float, *, with_sound: bool) -> None:
    """Fragments and both tracks start at the start and end at the end."""
    index = read_index(path)
    assert float(index.duration) == pytest.approx(seconds, abs=SLACK)
    assert min(fragment.duration for fragment in index.fragments) > 0
    assert target_duration(index) <= COPY_KEYFRAME_SECONDS
    ends = track_ends(path, index)
    assert len(ends) == 1 + with_sound
    for end in ends.values():
        assert float(end) == pytest.approx(seconds, abs=SLACK)
    for kind in ("v", "a") if with_sound else ("v",):
        assert first_time(path, kind) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("case", one_in(12, CASES))
def test_picture_and_sound_fill_the_video(case: Case) -> None:
    clip = case.make()
    result = result_of(clip)
    plan, path = result.plan, result.top.path
    assert plan.copied == case.copied, plan.reasons
    are_copied = [sound.copied for sound in plan.sounds]
    assert are_copied == ([] if case.sound_copied is None else [case.sound_copied])
    assert result.top.duration_seconds == float(read_index(path).duration)
    assert_fills(path, case.seconds, with_sound=case.sound_copied is not None)
    for start, end, is_loud in case.heard:
        assert (loudness(path, start, end) > -40) == is_loud, (start, end)
    assert (colour_at_end(path, last=True) == "blue") == case.ends_blue
    assert (colour_at_end(path, last=False) == "red") == case.starts_red


LOWER = [
    "sound longer, copied",
    "sound shorter, copied",
    "picture late, copied",
    "sound 0.3 s earlier, mkv",
    "one frame, copied",
]


@pytest.mark.parametrize("name", one_in(5, LOWER))
def test_smaller_renditions_have_the_same_timeline(name: str) -> None:
    top = result_of(CASES[name].make()).top
    [lower] = transcode_lower(
        top.path, clips.new_path("work"), options=replace(OPTIONS, ladder=(48,))
    )
    assert lower.duration_seconds == pytest.approx(top.duration_seconds, abs=0.11)
    assert_fills(lower.path, CASES[name].seconds, with_sound=True)
    assert first_time(lower.path, "v") == pytest.approx(first_time(top.path, "v"), abs=0.01)


def test_captions_start_with_the_video_and_not_with_another_track() -> None:
    clip = other_track_starts_first()
    result = result_of(clip)
    assert result.info.shift_seconds == pytest.approx(-3, abs=0.1)
    [track] = extract_captions(clip, result.info, clips.folder(), options=OPTIONS)
    # They are at 0.5 to 1.5 s and at 1.6 to 9 s of the source.
    assert "Hello" not in track.body
    assert "00:00:00.000 --> 00:00:03" in track.body


@pytest.mark.long  # with the hole and late sounds of the table
def test_sound_that_comes_after_five_thousand_frames_of_fifty_megabytes() -> None:
    """FFmpeg stops with "Too many packets buffered" if the picture has to wait for it."""
    noise = "color=gray:size=256x144:rate=60:duration=80,noise=alls=100:allf=t"
    heavy = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "29", "-g", "120")
    seen = made("mkv", "-f", "lavfi", "-i", noise, *heavy, "-pix_fmt", "yuv420p")
    assert seen.stat().st_size > 50 * 1024 * 1024
    late = ("-itsoffset", "76", "-i", str(sound_file(2)))
    clip = made("mkv", "-i", str(seen), *late, "-map", "0", "-map", "1", "-c", "copy")
    result = result_of(clip)
    assert result.plan.copied
    assert_fills(result.top.path, 80, with_sound=True)
    assert loudness(result.top.path, 1, 75.8) < -80
    assert loudness(result.top.path, 76.2, 77.8) > -40


@pytest.mark.long  # with a job in test_processing
def test_a_copy_with_other_times_than_planned_is_encoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plans: list[Plan] = []
    monkeypatch.setattr(
        commands, "standing_frames", lambda *_: {}
    )  # as if FFmpeg had no such filter
    clip = CASES["sound longer, copied"].make()
    result = transcode(clip, tmp_path / "work", options=OPTIONS, on_start=plans.append)
    assert [plan.copied for plan in plans] == [True, False]
    assert re.match(r"source: the picture ends at 4\.0\d+ s, not 5\.5", result.plan.reasons[-1])
    assert_fills(result.top.path, 5.5, with_sound=True)


@pytest.mark.long  # with a job in test_processing
def test_an_encode_with_other_times_than_planned_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, "with_last_frame", lambda picture, *_: picture)
    clip = CASES["sound longer, encoded"].make()
    with pytest.raises(DifferentTimesError) as caught:
        transcode(clip, tmp_path / "work", options=OPTIONS)
    assert "the picture ends at 4." in caught.value.detail
