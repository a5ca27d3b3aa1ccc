"""FFmpeg finds the samples in the files of `built` that they were built from."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.videos.transcode import built, fragmented

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.ffmpeg


def packets(path: Path) -> list[dict[str, Any]]:
    entries = ("-show_entries", "packet=stream_index,dts,pts,size,flags,data_hash")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_data_hash", "CRC32", *entries]
    told = subprocess.run([*command, str(path)], check=True, capture_output=True, timeout=60)
    assert not told.stderr
    return list(json.loads(told.stdout)["packets"])


@pytest.mark.parametrize("make", [built.fragmented_mp4, built.plain_mp4])
def test_ffmpeg_finds_the_samples(make: Any) -> None:
    tracks = (built.picture(), built.sound())
    path = built.stored(make(*tracks))
    found = packets(path)
    for stream, track in enumerate(tracks):
        decoded, expected = 0, []
        for sample in track.samples:
            shown = decoded + sample.shown_after - track.media_time
            expected.append(
                (
                    decoded - track.media_time,
                    shown,
                    len(sample.data),
                    "K" if sample.is_sync else "_",
                )
            )
            decoded += sample.lasts
        assert expected == [
            (one["dts"], one["pts"], int(one["size"]), one["flags"][0])
            for one in found
            if one["stream_index"] == stream
        ]
    assert len(fragmented.pictures(path)) == 15
