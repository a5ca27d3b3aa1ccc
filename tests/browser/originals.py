"""Videos with a rendition in original quality, and those that have nothing else yet."""

from __future__ import annotations

import random
import secrets
import shutil
from typing import TYPE_CHECKING, Any, Final

from siteconfig.roots import root_path
from tests import clips
from tests.videos.stored_videos import kept_video, sent_video
from videos.enums import ProcessingStatus
from videos.filenames import ORIGINAL_QUALITY
from videos.models import Rendition, Video
from videos.transcode.commands import FRAGMENTED
from videos.transcode.fragments import describe, read_index

if TYPE_CHECKING:
    from pathlib import Path

    from accounts.models import User

SECONDS: Final = 8
WIDTH, HEIGHT = 1152, 640
SIZE: Final = f"{WIDTH}x{HEIGHT}"
FPS: Final = 10
GOP_FRAMES: Final = 2 * FPS
FRAGMENTS: Final = ("-movflags", FRAGMENTED, "-f", "mp4")

# Without B-frames: WebKitGTK ignores edit lists, so at ten frames a second it would find nothing at
# the start.
CODECS: Final = {
    "av1": ("-c:v", "libsvtav1", "-preset", "12", "-g", str(GOP_FRAMES)),
    "vp9": (*("-c:v", "libvpx-vp9", "-deadline", "realtime"), "-g", str(GOP_FRAMES)),
    "hevc": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        "-x265-params",
        f"keyint={GOP_FRAMES}:min-keyint={GOP_FRAMES}:bframes=0:log-level=none:pools=none",
    ),
    "h264": clips.x264(GOP_FRAMES, b_frames=0),
}


def clip_of(codec: str, *, seconds: float = SECONDS, rate: str = "0") -> Path:
    """A fragmented MP4 of a codec of CODECS. `rate` is what FFmpeg's -b:v takes."""
    return clips.make(
        "mp4",
        *clips.picture(seconds, SIZE, str(FPS)),
        *clips.tone(seconds),
        *CODECS[codec],
        *(() if rate == "0" else ("-b:v", rate)),
        *("-c:a", "aac", *FRAGMENTS),
    )


def damaged(clip: Path, *, after: int = 0) -> Path:
    """A copy whose fragments after the first `after` ones hold noise instead of media."""
    copy = clips.new_path("mp4", "damaged")
    content = bytearray(clip.read_bytes())
    noise = random.Random(1)
    for fragment in read_index(clip).fragments[after:]:
        end = fragment.offset + fragment.size
        media = content.index(b"mdat", fragment.offset, end) + 4
        content[media:end] = noise.randbytes(end - media)
    copy.write_bytes(content)
    return copy


def video_with_original(user: User, clip: Path, **fields: Any) -> Video:
    """A finished video in H.264 with 640 and 480 lines, and the clip in original quality."""
    source = clips.h264_mp4(
        seconds=SECONDS, size=SIZE, fps=str(FPS), gop=GOP_FRAMES, options=("-bf", "0")
    )
    video = kept_video(user, source)
    add_rendition(video, clip, ORIGINAL_QUALITY, **fields)
    return video


def original_only(user: User, clip: Path, **fields: Any) -> Video:
    """A video in processing of which only original quality can be played. No worker has it."""
    video = sent_video(user, clip, title="In original quality")
    Video.objects.filter(pk=video.pk).update(processing_status=ProcessingStatus.PROCESSING)
    add_rendition(video, clip, ORIGINAL_QUALITY, **fields)
    video.refresh_from_db()
    return video


def add_rendition(video: Video, clip: Path, name: str, **fields: Any) -> Rendition:
    """A complete rendition that is the clip. Its facts are as `fields` says, where it does."""
    version = secrets.token_hex(6)
    filename = f"{video.pk.hex}-{version}-{name}.mp4"
    path = root_path("videos") / filename
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(clip, path)
    facts = describe(path)
    known = {
        "codecs": facts.codecs,
        "bandwidth": facts.bandwidth,
        "average_bandwidth": facts.average_bandwidth,
        "is_complete": True,
        "size_bytes": path.stat().st_size,
        "width": WIDTH,
        "height": HEIGHT,
        "fps": FPS,
        "duration_seconds": SECONDS,
    }
    return Rendition.objects.create(
        video=video, name=name, root="videos", filename=filename, version=version, **known | fields
    )


def add_growing(video: Video, *, fragments: int) -> Rendition:
    """A rendition in H.264 that is encoded just now, with so many fragments."""
    clip = clip_of("h264")
    row = add_rendition(video, clip, f"{HEIGHT}p", is_complete=False, codecs="", size_bytes=0)
    grow(row, fragments=fragments)
    return row


def grow(row: Rendition, *, fragments: int) -> None:
    """Lets a growing rendition have so many fragments."""
    last = read_index(clip_of("h264")).fragments[fragments - 1]
    row.path.write_bytes(clip_of("h264").read_bytes()[: last.offset + last.size])


def complete(row: Rendition) -> None:
    """Ends the processing of a video whose rendition grew."""
    shutil.copyfile(clip_of("h264"), row.path)
    facts = describe(row.path)
    Rendition.objects.filter(pk=row.pk).update(
        is_complete=True, codecs=facts.codecs, size_bytes=row.path.stat().st_size
    )
    Video.objects.filter(pk=row.video_id).update(
        processing_status=ProcessingStatus.COMPLETED,
        storage_root=row.root,
        filename=row.filename,
        stored_bytes=row.path.stat().st_size,
        duration_seconds=SECONDS,
        width=WIDTH,
        height=HEIGHT,
    )
