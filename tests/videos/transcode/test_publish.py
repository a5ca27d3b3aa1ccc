"""Checking what was made, and moving it into place so that a power cut leaves old or new."""

from __future__ import annotations

import errno
import functools
import os
import re
import resource
import shutil
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import clips
from videos.transcode.commands import FRAGMENTED
from videos.transcode.errors import (
    DifferentTimesError,
    DiskFullError,
    NotFragmentedError,
    ProcessingError,
)
from videos.transcode.finalise import finalise
from videos.transcode.made import MadeFacts
from videos.transcode.plan import make_plan
from videos.transcode.probe import probe
from videos.transcode.publish import check_output, publish_file
from videos.transcode.timeline import Timeline
from videos.transcode.types import Options, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = Options()


def result(*, seconds: float = 2, layout: str | None = "stereo") -> Path:
    """A file as processing makes it: a copy of 320 x 180 at 30 fps."""
    flags = ("-movflags", FRAGMENTED)
    return clips.h264_mp4(seconds=seconds, layout=layout, options=flags)


def planned(seconds: float) -> Callable[[Plan], Plan]:
    """Changes the length in a plan."""
    return lambda plan: replace(plan, timeline=Timeline(start=0.0, end=seconds))


def plan_of(path: Path) -> Plan:
    return make_plan(probe(path, options=OPTIONS), OPTIONS)


def check(path: Path, plan: Plan) -> MadeFacts:
    return check_output(finalised(path), plan, plan.top, fps=Fraction(30))


@functools.cache
def finalised(path: Path) -> Path:
    """A copy that is finalised, if it can be."""
    copy = clips.new_path("mp4", stem="finalised")
    shutil.copyfile(path, copy)
    with suppress(NotFragmentedError):
        finalise(copy)
    return copy


@pytest.mark.ffmpeg
def test_what_is_as_planned_passes() -> None:
    clip = result()
    made = check(clip, plan_of(clips.h264_mp4()))
    info = probe(clip, options=OPTIONS)
    assert info.video is not None
    assert info.audio is not None
    assert (made.picture, made.width, made.height) == ("h264", info.video.width, info.video.height)
    [sound] = made.sounds
    assert (made.frames, sound.codec) == (info.video.frames, info.audio.codec)
    delay = sound.start - made.picture_start
    assert delay == pytest.approx(info.timeline.sound_delay(0), abs=0.03)
    assert made.size_bytes == finalised(clip).stat().st_size


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda plan: replace(plan, sounds=()), "1 sound tracks instead of 0"),
        (
            lambda plan: replace(plan, renditions=(replace(plan.top, width=318),)),
            "320 x 180 instead of 318 x 180",
        ),
    ],
)
def test_what_is_not_as_planned_does_not(change: object, words: str) -> None:
    assert callable(change)
    clip = result()
    with pytest.raises(ProcessingError) as caught:
        check(clip, change(plan_of(clip)))
    assert words in caught.value.detail


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (planned(2.2), "not 2.200 s"),
        (planned(1.8), "not 1.800 s"),
        (lambda _: plan_of(clips.h264_mp4(seconds=2.5)), "not 2.500 s"),
    ],
)
def test_other_times_than_planned_do_not_pass_and_would_come_again(
    change: Callable[[Plan], Plan], words: str
) -> None:
    with pytest.raises(DifferentTimesError) as caught:
        check(result(), change(plan_of(clips.h264_mp4())))
    assert words in caught.value.detail
    assert "source: the picture ends at 2.0" in caught.value.detail


@pytest.mark.ffmpeg
def test_each_track_is_measured() -> None:
    sound = (*clips.tone(1.4), *clips.x264(), "-c:a", "aac", "-movflags", FRAGMENTED)
    shorter = clips.make("mp4", *clips.picture(2), *sound)
    with pytest.raises(DifferentTimesError) as caught:
        check(shorter, plan_of(clips.h264_mp4()))
    assert re.search(r"source: the sound ends at 1\.4\d+ s, not 2\.000 s", caught.value.detail)
    late = clips.make(
        "mp4",
        *clips.picture(2),
        *("-itsoffset", "0.6"),
        *sound,
    )
    with pytest.raises(DifferentTimesError, match="together") as caught:
        check(late, plan_of(clips.h264_mp4()))
    assert "the sound starts 0.5" in caught.value.detail


@pytest.mark.ffmpeg
def test_a_frame_and_what_aac_adds_may_differ() -> None:
    plan = plan_of(clips.h264_mp4())
    check(result(), planned(2.12)(plan))
    check(result(), planned(1.9)(plan))
    check(result(layout=None), replace(plan, sounds=()))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("make", [clips.hevc_mp4, clips.audio_only, clips.text_as_mp4])
def test_what_is_no_h264_does_not_pass(make: object) -> None:
    assert callable(make)
    with pytest.raises(ProcessingError):
        check(make(), plan_of(clips.h264_mp4()))


@pytest.mark.ffmpeg
def test_what_is_cut_short_does_not_pass() -> None:
    clip = clips.h264_mp4(faststart=True)
    with pytest.raises(
        ProcessingError, match="The processed video is faulty, so it wasn't published"
    ):
        check(clips.truncated(clip, 0.9), plan_of(clip))


@pytest.mark.ffmpeg
def test_each_rendition_is_held_against_its_own_plan() -> None:
    clip = result()
    plan = plan_of(clip)
    smaller = replace(plan.top, name="90p", width=160, height=90)
    check(clip, plan)
    with pytest.raises(ProcessingError) as caught:
        check(clip, replace(plan, renditions=(smaller,)))
    assert "90p: 320 x 180 instead of 160 x 90" in caught.value.detail


def test_a_file_is_moved_and_replaces_what_is_there(tmp_path: Path) -> None:
    work, final = tmp_path / "work", tmp_path / "final"
    work.write_bytes(b"new")
    final.write_bytes(b"old")
    publish_file(work, final)
    assert final.read_bytes() == b"new"
    assert not work.exists()


def test_it_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def record_fsync(descriptor: int) -> None:
        steps.append("fsync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def record_rename(self: Path, target: Path) -> Path:
        steps.append(f"rename {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "rename", record_rename)
    (tmp_path / "videos").mkdir()
    (tmp_path / "work").write_bytes(b"new")
    publish_file(tmp_path / "work", tmp_path / "videos" / "final")
    assert steps == ["fsync work", "rename final", "fsync videos"]


@pytest.fixture
def other_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename out of a folder fails as between file systems."""
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)


@pytest.mark.usefixtures("other_file_system")
def test_into_another_file_system_it_is_copied_first(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    (tmp_path / "work").write_bytes(b"new")
    publish_file(tmp_path / "work", videos / "final")
    assert [one.name for one in videos.iterdir()] == ["final"]
    assert (videos / "final").read_bytes() == b"new"
    assert not (tmp_path / "work").exists()


@pytest.mark.usefixtures("other_file_system")
def test_a_full_disk_there_leaves_the_old_and_the_work(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "final").write_bytes(b"old")
    (tmp_path / "work").write_bytes(b"new")
    # No room for the third byte.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, hard))
    try:
        with pytest.raises(DiskFullError) as caught:
            publish_file(tmp_path / "work", videos / "final")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path) not in caught.value.sentence
    assert [one.name for one in videos.iterdir()] == ["final"]
    assert (videos / "final").read_bytes() == b"old"
    assert (tmp_path / "work").read_bytes() == b"new"


@pytest.mark.usefixtures("other_file_system")
def test_whoever_waits_hears_of_a_copy_and_can_end_it(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    (tmp_path / "work").write_bytes(b"new")

    def give_up() -> None:
        raise RuntimeError("the lease is lost")

    with pytest.raises(RuntimeError):
        publish_file(tmp_path / "work", videos / "final", tick=give_up)
    assert list(videos.iterdir()) == []
    assert (tmp_path / "work").read_bytes() == b"new"


def test_a_missing_work_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish_file(tmp_path / "work", tmp_path / "final")
