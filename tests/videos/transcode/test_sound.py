"""Sound that cannot be decoded, or that players take differently, never takes the video along."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests import boxes, clips
from tests.examples import one_in
from tests.videos.transcode import built
from videos.transcode.aac import has_channels, reason_to_encode
from videos.transcode.errors import ProcessingError, SourceError
from videos.transcode.masking import mask_track
from videos.transcode.pipeline import transcode
from videos.transcode.probe import probe
from videos.transcode.sound import NAMES
from videos.transcode.types import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPTIONS = Options()
UNLISTED = "adpcm_yamaha"  # its decoder is not on the whitelist
NAMED = f"“{UNLISTED}”"
SIZE = "160x90"
H264 = (*clips.x264(), "-s", SIZE)


def made(suffix: str, *coders: str, container: tuple[str, ...] = ()) -> Path:
    """Two seconds with a tone in each of these coders; that of number n has n times 440 Hz, and
    its own language."""
    inputs: list[str] = []
    for number in range(len(coders)):
        tone = f"sine=frequency={440 * (number + 1)}:duration=2:sample_rate=48000"
        inputs += ["-f", "lavfi", "-i", tone]
    maps = [word for n in range(len(coders) + 1) for word in ("-map", str(n))]
    sounds = [word for n, coder in enumerate(coders) for word in (f"-c:a:{n}", coder)]
    languages = zip(range(len(coders)), ("eng", "deu", "fra", "spa"), strict=False)
    sounds += [w for n, name in languages for w in (f"-metadata:s:a:{n}", f"language={name}")]
    return clips.make(suffix, *clips.picture(2, SIZE), *inputs, *maps, *H264, *sounds, *container)


@functools.cache
def with_code(code: bytes, *, track: int = 0, suffix: str = "mp4", coders: int = 1) -> Path:
    """Says that a sound track has another codec."""
    file = boxes.load(made(suffix, *["aac"] * coders))
    table = boxes.sample_table(boxes.tracks(file, b"soun")[track]).find(b"stsd")
    content = bytearray(table.content)
    content[12:16] = code
    place = content.index(b"esds")
    content[place : place + 4] = b"free"
    table.content = bytes(content)
    return boxes.save(file, clips.new_path(suffix, "retagged"))


@functools.cache
def with_configuration(
    change: Callable[[int], int], channels: int = 1, suffix: str = "mp4"
) -> Path:
    """Changes the first 16 bits of the configuration of AAC."""
    layout = {1: "mono", 2: "stereo"}[channels]
    clip = clips.h264_mp4(size=SIZE, layout=layout, suffix=suffix)
    file = boxes.load(clip)
    table = boxes.sample_table(boxes.tracks(file, b"soun")[0]).find(b"stsd")
    content = bytearray(table.content)
    place = content.index(b"\x05\x80\x80\x80", content.index(b"esds")) + 5
    content[place : place + 2] = change(int.from_bytes(content[place : place + 2])).to_bytes(2)
    table.content = bytes(content)
    return boxes.save(file, clips.new_path("mp4", "configured"))


def of_usac(_: int) -> int:
    return 31 << 11 | 10 << 5 | 3 << 1  # the object type 42, and 48 kHz


def stereo(value: int) -> int:
    return value & ~(15 << 3) | 2 << 3


def described_inside(value: int) -> int:
    return value & ~(15 << 3)


@functools.cache
def ambisonic() -> Path:
    """Opus in first-order ambisonics (RFC 8486): the first channel has 440 Hz."""
    waves = "|".join(f"0.2*sin({440 * (n + 1)}*2*PI*t)" for n in range(4))
    clip = clips.make(
        "mkv",
        *clips.picture(2, SIZE),
        *("-f", "lavfi", "-i", f"aevalsrc='{waves}':c=4.0:s=48000:d=2"),
        *(*H264, "-c:a", "libopus", "-mapping_family", "255"),
    )
    content = bytearray(clip.read_bytes())
    content[content.index(b"OpusHead") + 18] = 2
    path = clips.new_path("mkv", "ambisonic")
    path.write_bytes(content)
    return path


def with_own_layout() -> Path:
    """AAC in 2.1, for which the configuration has no number but a description (PCE)."""
    waves = "|".join(["0.2*sin(440*2*PI*t)"] * 3)
    sound = ("-f", "lavfi", "-i", f"aevalsrc='{waves}':c=2.1:s=48000:d=2")
    return clips.make("mp4", *clips.picture(2, SIZE), *sound, *H264, "-c:a", "aac")


@functools.cache
def changing_channels() -> Path:
    """AAC that goes from stereo to mono after three seconds."""
    parts = [
        clips.make("aac", *clips.tone(3, layout, 48_000), "-c:a", "aac")
        for layout in ("stereo", "mono")
    ]
    joined = clips.new_path("aac", "joined")
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    picture = clips.h264_mp4(seconds=6, size=SIZE, layout=None)
    return clips.make("mp4", "-i", str(picture), "-i", str(joined), "-c", "copy")


def with_pcm_code() -> Path:
    """Big-endian PCM under the name of ISO/IEC 23003-5."""
    content = made("mov", "pcm_s16be").read_bytes().replace(b"twos", b"ipcm", 1)
    path = clips.new_path("mp4", "ipcm")
    path.write_bytes(content)
    return path


def packets_of(clip: Path, stream: str) -> list[tuple[int, int]]:
    """Returns where in a file the packets of a stream are, and their sizes."""
    done = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-select_streams", stream),
            *("-show_entries", "packet=pos,size", "-of", "json", str(clip)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return [(int(one["pos"]), int(one["size"])) for one in json.loads(done.stdout)["packets"]]


def with_rubbish(*coders: str) -> Path:
    """AAC as the default sound whose frames begin as they should, and then hold rubbish."""
    clip = made("mp4", *coders)
    path = clips.new_path("mp4", "rubbish")
    content = bytearray(clip.read_bytes())
    random = Random(14)
    for offset, size in packets_of(clip, "a:0"):
        content[offset + 1 : offset + size] = random.randbytes(size - 1)
    path.write_bytes(content)
    return path


def beside_hevc() -> Path:
    """Mono in a stereo configuration beside a picture that is encoded."""
    clip = with_configuration(stereo)
    coder = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
    return clips.make("mp4", "-i", str(clip), *coder, "-c:a", "copy")


def without_picture_codec() -> Path:
    """Two pictures; the default one has a codec that is not on the whitelist."""
    return clips.make(
        "mkv",
        *(*clips.picture(1, SIZE), *clips.picture(1, SIZE), "-map", "0", "-map", "1"),
        *("-c:v:0", "magicyuv", "-pix_fmt:v:0", "gbrp", "-disposition:v:0", "default"),
        *("-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p", "-disposition:v:1", "0"),
    )


def second_picture() -> Path:
    """A second picture in MOV whose codec is not on the whitelist."""
    return clips.make(
        "mov",
        *(*clips.picture(1, SIZE), *clips.picture(1, SIZE), "-map", "0", "-map", "1"),
        *("-c:v:0", "libx264", "-pix_fmt:v:0", "yuv420p", "-c:v:1", "v408"),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """What is to come of a file: the frequency of its sound (0 for none), whether the sound is
    copied, and the format that is named if there is none."""

    make: Callable[[], Path]
    hertz: int = 440
    copied: bool = False
    lost: tuple[str, ...] = ()


CASES = {
    "xHE-AAC": Case(lambda: with_configuration(of_usac), 0, lost=("xHE-AAC",)),
    "MPEG-H": Case(lambda: with_code(b"mhm1"), 0, lost=("MPEG-H",)),
    "AC-4": Case(lambda: with_code(b"ac-4"), 0, lost=("AC-4",)),
    "MPEG-H, then AAC": Case(
        lambda: with_code(b"mhm1", coders=2), 880, copied=True, lost=("MPEG-H",)
    ),
    "AAC, then APAC": Case(
        lambda: with_code(b"apac", track=1, suffix="mov", coders=2), copied=True
    ),
    # FFmpeg cannot decode the second track that it writes here.
    "AAC, then TTA": Case(lambda: made("mkv", "aac", "tta"), copied=True, lost=("“tta”",)),
    "ambisonic": Case(ambisonic),
    "AAC, then WavPack": Case(lambda: made("mkv", "aac", "wavpack"), copied=True),
    "TTA alone": Case(lambda: made("mkv", "tta")),
    "AAC, then one not listed": Case(
        lambda: made("mkv", "aac", UNLISTED), copied=True, lost=(NAMED,)
    ),
    "not listed, then AAC": Case(
        lambda: made("mkv", UNLISTED, "aac"), 880, copied=True, lost=(NAMED,)
    ),
    "not listed alone": Case(lambda: made("mkv", UNLISTED), 0, lost=(NAMED,)),
    "three of four not listed": Case(
        lambda: made("mkv", UNLISTED, UNLISTED, "libopus", UNLISTED), 1320, lost=(NAMED,)
    ),
    "not listed, in avi": Case(lambda: made("avi", UNLISTED, "mp2"), 880, lost=(NAMED,)),
    "MagicYUV as the default picture": Case(without_picture_codec, 0),
    "v408 as a second picture": Case(second_picture, 0),
    "PCM": Case(lambda: made("mov", "pcm_s16be")),
    "ISO PCM": Case(with_pcm_code),
    "mono in a stereo configuration": Case(lambda: with_configuration(stereo), 300),
    "a channel layout of its own": Case(with_own_layout),
    "stereo to mono": Case(changing_channels, 300),
    "mono in a stereo configuration, picture encoded": Case(beside_hevc, 300),
    "rubbish": Case(lambda: with_rubbish("aac"), 0, lost=(NAMES["aac"],)),
    "rubbish, then AAC": Case(
        lambda: with_rubbish("aac", "aac"), 880, copied=True, lost=(NAMES["aac"],)
    ),
    "plain": Case(lambda: made("mp4", "aac"), copied=True),
}


def hertz_of(path: Path) -> int:
    """Returns the frequency of a tone from its zero crossings in the second second."""
    command = ["ffmpeg", "-v", "info", "-ss", "1", "-t", "0.9", "-i", str(path), "-map", "0:a"]
    done = subprocess.run(
        [*command, "-af", "pan=mono|c0=c0,lowpass=4000,astats", "-f", "null", "-"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    rate = re.search(r"(\d+) Hz", done.stderr)
    crossings = re.search(r"Zero crossings rate: ([0-9.]+)", done.stderr)
    assert rate
    assert crossings
    return round(float(crossings[1]) * int(rate[1]) / 2)


@pytest.mark.ffmpeg
@pytest.mark.parametrize("case", one_in(9, CASES))
def test_a_video_is_made_with_the_sound_that_can_be_had(case: Case, tmp_path: Path) -> None:
    clip = case.make()
    result = transcode(clip, tmp_path / "work", options=OPTIONS)
    assert result.info.lost_sounds == case.lost
    sound = next(iter(result.plan.sounds), None)
    assert (sound is not None) == bool(case.hertz)
    assert probe(result.top.path, options=OPTIONS).audio is not None or not case.hertz
    if sound is not None:
        assert sound.copied == case.copied
        assert hertz_of(result.top.path) == pytest.approx(case.hertz, rel=0.02)
        assert not reason_to_encode(result.top.path)
    assert result.top.duration_seconds == pytest.approx(result.info.duration_seconds, abs=0.2)


@pytest.mark.ffmpeg
def test_a_picture_that_is_not_on_the_whitelist_is_still_refused_by_name() -> None:
    clip = clips.make("avi", *clips.picture(0.5, SIZE), "-c:v", "magicyuv", "-pix_fmt", "gbrp")
    with pytest.raises(SourceError, match="MagicYUV"):
        probe(clip, options=OPTIONS)


@pytest.mark.ffmpeg
def test_a_layout_that_is_described_inside_the_sound_is_encoded(tmp_path: Path) -> None:
    """Players refuse the channel configuration 0."""
    clip = with_configuration(described_inside, channels=2)
    fragmented = clips.make(
        "mp4",
        *("-i", str(clip), "-c", "copy"),
        *("-movflags", "+frag_keyframe+empty_moov+default_base_moof+dash"),
    )
    assert reason_to_encode(fragmented) == {2: "sound with a channel layout of its own"}


def test_tracks_of_damaged_headers_are_not_hidden(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    for content in (
        b"",
        b"\0\0\0\x18ftypisom" + bytes(12),
        b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\xff\x16\x54\xae\x6b\x84\xae\x82\x86\x85",
        b"RIFF\x10\0\0\0AVI LIST\xff\xff\xff\xffhdrl",
    ):
        path.write_bytes(content)
        assert mask_track(path, 0) == []


@pytest.mark.parametrize(
    ("frame", "channels", "fits"),
    [
        ("000", 1, True),
        ("000", 2, False),
        ("001", 2, True),
        ("001", 1, False),
        ("000", 6, True),
        ("111", 2, True),
        ("101", 2, False),
        # padding of 2 bytes, then of 15 + 255 - 1 bytes, then a pair
        ("110" + "0010" + "0" * 16 + "001", 2, True),
        ("110" + "1111" + "11111111" + "0" * 8 * 269 + "001", 2, True),
        # data that is aligned, then a single channel
        ("100" + "0000" + "1" + "00000001" + "0" * 8 + "00000000" + "000", 1, True),
        ("100" + "0000" + "0" + "00000001" + "00000000" + "001", 1, False),
        ("", 2, True),
    ],
)
def test_frames_begin_with_the_element_of_their_channels(
    frame: str, channels: int, fits: bool
) -> None:
    padded = frame + "0" * (-len(frame) % 8)
    content = int(padded, 2).to_bytes(len(padded) // 8) if padded else b""
    assert has_channels(content, channels) == fits


def built_sound(configuration: str, packet: bytes, *more: bytes) -> bytes:
    """A fragmented file whose sound has this configuration and a packet for each fragment."""
    entry = built.sound_entry(b"mp4a", built.esds(bytes.fromhex(configuration)))
    packets = tuple((built.Sample(data, 1024),) for data in (packet, *more))
    track = replace(built.sound(entry=entry), fragments=packets)
    return built.fragmented_mp4(built.picture(*(built.frames(n) for n in range(3))), track)


MONO, STEREO, ITS_OWN = "1588", "1210", "1200"
ONE, TWO = b"\x01\x18\x20\x07", b"\x21\x18\x20\x07"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (built_sound(MONO, ONE, ONE, ONE), ""),
        (built_sound(STEREO, TWO, TWO), ""),
        (built_sound(MONO, ONE, ONE, TWO), "sound with other channels than its configuration"),
        (built_sound(STEREO, ONE), "sound with other channels than its configuration"),
        (built_sound(ITS_OWN, TWO), "sound with a channel layout of its own"),
        (built.fragmented_mp4(), ""),
        (built.fragmented_mp4(built.picture()), ""),
    ],
)
def test_built_sound_that_players_refuse(data: bytes, reason: str) -> None:
    assert reason_to_encode(built.stored(data)) == ({2: reason} if reason else {})


def test_each_track_of_several_is_judged() -> None:
    def sound(number: int, configuration: str, *packets: bytes) -> built.Track:
        entry = built.sound_entry(b"mp4a", built.esds(bytes.fromhex(configuration)))
        fragments = tuple((built.Sample(data, 1024),) for data in packets)
        return replace(built.sound(entry=entry, number=number), fragments=fragments)

    opus = built.sound(number=6, entry=built.sound_entry(b"Opus"))
    tracks = [sound(2, MONO, ONE, ONE, ONE), sound(3, STEREO, TWO, TWO, ONE), opus]
    tracks += [sound(4, ITS_OWN, TWO), sound(5, STEREO, TWO, ONE)]
    for write, moofs in ((built.fragmented_mp4, 3), (built.separate_mp4, 15)):
        path = built.stored(write(built.picture(), *tracks))
        ticks: list[None] = []
        assert reason_to_encode(path, tick=functools.partial(ticks.append, None)) == {
            3: "sound with other channels than its configuration",
            4: "sound with a channel layout of its own",
            5: "sound with other channels than its configuration",
        }
        assert len(ticks) == moofs


def test_a_damaged_file_of_sound_is_an_error_of_processing() -> None:
    damaged = built.fragmented_mp4().replace(b"trun\0\0\0\1", b"trun\0\0\0\0")
    with pytest.raises(ProcessingError) as caught:
        reason_to_encode(built.stored(damaged))
    assert caught.value.detail == "AAC: a run without an offset"
