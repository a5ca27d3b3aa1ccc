"""Sources of all kinds, from the upload to the last picture in Chromium.

A source has a container, a codec, a sound, channels, and a relation between the lengths of its
tracks. There are far more combinations than can run, so they are chosen such that as many pairs of
values as possible occur.
"""

from __future__ import annotations

import itertools
import json
import subprocess
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

import pytest

from tests import clips
from tests.examples import one_in
from tests.players import frames
from tests.videos.stored_videos import ready_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from accounts.models import User

pytestmark = [
    pytest.mark.browser,
    pytest.mark.ffmpeg,
    pytest.mark.django_db(transaction=True),
]

MAX_COMBINATIONS: Final = 40
# How far lengths in the browser may be off.
OFF_SECONDS: Final = 0.1

FPS: Final = 25
AAC_FRAME_SECONDS: Final = 1024 / 44_100
# The ends of the published tracks may be a frame of each apart.
APART_SECONDS: Final = 1 / FPS + AAC_FRAME_SECONDS + 0.002

H264: Final = ("h264 baseline", "h264 main", "h264 high")
# Container -> its codecs, its sounds: what FFmpeg's muxer takes.
CONTAINERS: Final = {
    "mp4": (
        (*H264, "hevc", "vp9", "av1", "mpeg4", "mjpeg"),
        ("none", "aac", "opus", "mp3", "ac3", "flac"),
    ),
    "mov": (
        (*H264, "hevc", "mpeg4", "mjpeg", "prores"),
        ("none", "aac", "mp3", "ac3", "pcm"),
    ),
    "mkv": (
        (*H264, "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "prores"),
        ("none", "aac", "opus", "mp3", "ac3", "flac", "pcm"),
    ),
    "webm": (("vp8", "vp9", "av1"), ("none", "opus")),
    "avi": ((*H264, "vp8", "mpeg4", "mjpeg"), ("none", "mp3", "ac3", "pcm")),
}
LAYOUTS: Final = {1: "mono", 2: "stereo", 6: "5.1"}
# Relation -> seconds of the picture, of the sound, and by which the picture is late.
LENGTHS: Final = {
    "equal": (2.0, 2.0, 0.0),
    "sound longer": (2.0, 3.0, 0.0),
    "sound shorter": (2.0, 1.0, 0.0),
    "picture late": (1.4, 2.0, 0.6),
}
CODECS: Final = {
    **{
        name: ("libx264", "-preset", "ultrafast", "-profile:v", name.partition(" ")[2], "-g", "25")
        for name in H264
    },
    "hevc": ("libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=none"),
    "vp8": ("libvpx", "-deadline", "realtime", "-cpu-used", "8"),
    "vp9": ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"),
    "av1": ("libaom-av1", "-usage", "realtime", "-cpu-used", "8"),
    "mpeg4": ("mpeg4",),
    "mjpeg": ("mjpeg",),
    "prores": ("prores",),
}
PIXELS: Final = {"mjpeg": "yuvj420p", "prores": "yuv422p10le"}
SOUNDS: Final = {
    "aac": ("aac",),
    "opus": ("libopus", "-ar", "48000"),
    "mp3": ("libmp3lame",),
    "ac3": ("ac3",),
    "flac": ("flac", "-strict", "-2"),
    "pcm": ("pcm_s16le",),
}


@dataclass(frozen=True, order=True)
class Combination:
    """A kind of source: keys of the tables above."""

    container: str
    codec: str
    sound: str
    channels: int
    lengths: str

    def __str__(self) -> str:
        return f"{self.container}, {self.codec}, {self.sound} {self.channels}, {self.lengths}"

    def pairs(self) -> frozenset[object]:
        return frozenset(itertools.combinations(enumerate(astuple(self)), 2))

    @property
    def seconds(self) -> float:
        """From the first moment of either track to the last."""
        picture, sound, late = LENGTHS[self.lengths]
        return max(late + picture, sound)

    def make(self) -> Path:
        """Returns a source of this kind."""
        picture, sound, late = LENGTHS[self.lengths]
        inputs = ["-itsoffset", str(late), *clips.picture(picture, "160x90", str(FPS))]
        coder = ["-pix_fmt", PIXELS.get(self.codec, "yuv420p"), "-c:v", *CODECS[self.codec]]
        if self.codec in H264 and self.container == "avi":
            coder += ["-bf", "0"]  # AVI has no times in which a picture is shown
        elif self.codec in {"h264 main", "h264 high"}:
            coder += ["-bf", "2"]
        if self.channels:
            inputs += clips.tone(sound, LAYOUTS[self.channels])
            coder += ["-c:a", *SOUNDS[self.sound]]
        return clips.make(self.container, *inputs, *coder)


def possible_combinations() -> Iterator[Combination]:
    for container, (codecs, sounds) in CONTAINERS.items():
        for codec, sound, lengths in itertools.product(codecs, sounds, LENGTHS):
            # AVI has no start times; without sound nothing has another length.
            is_odd = lengths != "equal"
            if is_odd and (sound == "none" or (container, lengths) == ("avi", "picture late")):
                continue
            for channels in {"none": (0,), "mp3": (1, 2)}.get(sound, LAYOUTS):
                yield Combination(container, codec, sound, channels, lengths)


def chosen_combinations() -> list[Combination]:
    """Returns at most MAX_COMBINATIONS; each one adds as many pairs of values as any could."""
    left = {it: it.pairs() for it in possible_combinations()}
    chosen: list[Combination] = []
    while left and len(chosen) < MAX_COMBINATIONS:
        best = max(left, key=lambda it: len(left[it]))
        added = left[best]
        if not added:
            break
        chosen.append(best)
        left = {it: pairs - added for it, pairs in left.items()}
    return chosen


COMBINATIONS: Final = {str(it): it for it in chosen_combinations()}

# Replaces the page by a video that plays the address: plainly, or through hls.js.
OPEN = """async ({ address, module }) => {
    const video = document.createElement("video");
    document.body.replaceChildren(video);
    if (module) {
        const { default: Hls } = await import(module);
        const hls = new Hls({ enableWorker: false });
        hls.loadSource(address);
        hls.attachMedia(video);
    } else video.src = address;
    await new Promise((resolve, reject) => {
        video.addEventListener("loadeddata", resolve);
        video.addEventListener("error", () => reject(video.error.message));
    });
}"""
# Plays at four times the speed from a moment to the end; says where that is.
PLAY = """async ({ from }) => {
    const video = document.querySelector("video");
    video.currentTime = from;
    video.playbackRate = 4;
    await new Promise((resolve, reject) => {
        video.addEventListener("ended", resolve, { once: true });
        video.addEventListener("error", () => reject(video.error.message));
        setTimeout(() => reject(`at ${video.currentTime} of ${video.duration}`), 10_000);
        video.play();
    });
    return [video.currentTime, video.duration];
}"""


@pytest.mark.parametrize("kind", one_in(-(-len(COMBINATIONS) // 5), COMBINATIONS))
def test_a_source_is_published_whole_and_plays(
    visit: Callable[..., Page], bob: User, kind: Combination
) -> None:
    video = ready_video(bob, kind.make())
    check_tracks(video.file_path, kind)
    page = visit(bob)
    page.goto("/healthz")  # any page of the site; this one loads nothing else
    # Chromium here has no decoder of HEVC.
    names = [one.name for one in video.renditions.all() if "hvc1" not in one.codecs]
    for address, module in (
        ("stream.mp4", None),
        *((f"{name}.m3u8", "/static/hls/hls.light.min.mjs") for name in names),
    ):
        page.evaluate(OPEN, {"address": video.get_absolute_url() + address, "module": module})
        for start in (0, kind.seconds / 2):
            end, shown = page.evaluate(PLAY, {"from": start})
            assert end == pytest.approx(kind.seconds, abs=OFF_SECONDS), address
            assert shown == pytest.approx(kind.seconds, abs=OFF_SECONDS), address


def check_tracks(path: Path, kind: Combination) -> None:
    """All of a file decodes; its tracks end together, where those of the source end."""
    assert {frame.kind for frame in frames(path)} == {"video", "audio"} - (
        set() if kind.channels else {"audio"}
    )
    spans = track_spans(path)
    assert len(spans) == (2 if kind.channels else 1)
    for first, last in spans:
        assert first == pytest.approx(0, abs=APART_SECONDS), spans
        assert last == pytest.approx(kind.seconds, abs=APART_SECONDS), spans


def track_spans(path: Path) -> list[tuple[float, float]]:
    """Returns the first time and the end of each track, in seconds.

    The end is that of the sample table. The duration that FFmpeg gives a packet is its own guess
    where pictures are stored in another order than they are shown.
    """
    entries = "packet=stream_index,pts_time:stream=index,start_time,duration"
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    starts: dict[int, list[float]] = {}
    for packet in told["packets"]:
        starts.setdefault(packet["stream_index"], []).append(float(packet["pts_time"]))
    return [
        (min(starts[one["index"]]), float(one["start_time"]) + float(one["duration"]))
        for one in told["streams"]
    ]


def test_most_pairs_of_values_occur() -> None:
    every = frozenset[object]().union(*(it.pairs() for it in possible_combinations()))
    chosen = frozenset[object]().union(*(it.pairs() for it in chosen_combinations()))
    assert len(chosen) / len(every) > 0.8
