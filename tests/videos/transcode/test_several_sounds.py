"""Sources with several sounds: each is kept in the file, and the default one is the first."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from tests import clips
from tests.examples import one_in
from tests.videos.transcode.several_sounds import SECONDS, Tone, clip_with, heard
from videos.transcode import pipeline
from videos.transcode.commands import transcode_command
from videos.transcode.fragments import read_index, track_ends
from videos.transcode.languages import TWO_LETTERS, language_code, three_letters
from videos.transcode.pipeline import transcode, transcode_lower
from videos.transcode.probe import probe
from videos.transcode.sound_tracks import lost_sounds_note, public_title, sound_label, sound_tracks
from videos.transcode.types import Options

if TYPE_CHECKING:
    from pathlib import Path

    from videos.transcode.results import TranscodeResult
    from videos.transcode.types import Plan

OPTIONS = Options(ladder=(48,))
UNLISTED = "adpcm_yamaha"  # its decoder is not on the whitelist
SLACK = 0.11  # one frame, and rounding


@functools.cache
def result_of(clip: Path, options: Options = OPTIONS) -> TranscodeResult:
    return transcode(clip, clips.new_path("work"), options=options)


@dataclass(frozen=True, slots=True)
class Case:
    """A clip, and whether each of its sounds is copied, in the order of the result."""

    tones: tuple[Tone, ...]
    copied: tuple[bool, ...]
    suffix: str = "mkv"
    codec: str = "libx264"


ENGLISH = Tone(440, language="eng")
GERMAN = Tone(880, language="ger", title="Kommentar")
CASES = {
    "languages": Case((ENGLISH, GERMAN), (True, True)),
    "languages, encoded": Case((ENGLISH, GERMAN), (True, True), codec="libx265"),
    "mp4": Case((ENGLISH, GERMAN), (True, True), suffix="mp4"),
    "Opus beside AAC": Case((Tone(440), Tone(880, "libopus"), Tone(1320)), (True, False, True)),
    "Opus alone, encoded": Case(
        (Tone(440, "libopus"), Tone(880, "libopus")), (False, False), codec="libx265"
    ),
    "one late": Case((Tone(440), Tone(880, start=1.2, seconds=0.8)), (True, False)),
    "one short": Case((Tone(440), Tone(880, seconds=0.9)), (True, False)),
    "both apart": Case((Tone(440, seconds=0.9), Tone(880, start=1.2, seconds=0.8)), (False, False)),
    "both apart, encoded": Case(
        (Tone(440, seconds=0.9), Tone(880, start=1.2, seconds=0.8)),
        (False, False),
        codec="libx265",
    ),
    "one a little short": Case((Tone(440), Tone(880, seconds=1.85)), (True, True)),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("case", one_in(5, CASES))
def test_all_sounds_are_kept_and_fill_the_video(case: Case) -> None:
    result = result_of(clip_with(*case.tones, suffix=case.suffix, codec=case.codec))
    assert result.plan.copied == (case.codec == "libx264")
    assert tuple(sound.copied for sound in result.plan.sounds) == case.copied
    path = result.top.path
    index = read_index(path)
    assert list(index.sounds) == [2 + n for n in range(len(case.tones))]
    for track, end in track_ends(path, index).items():
        assert float(end) == pytest.approx(SECONDS, abs=SLACK), track
    for place, tone in enumerate(case.tones):
        for start in (0.3, 1.4):
            sounds = tone.start <= start and start + 0.4 <= tone.start + tone.seconds
            assert heard(path, place, start=start) == ({tone.hertz} if sounds else set())
    assert result.info.lost_sounds == ()


@pytest.mark.ffmpeg
def test_languages_are_in_the_file_and_smaller_renditions_have_only_the_picture() -> None:
    result = result_of(clip_with(ENGLISH, GERMAN))
    assert [(one.language, one.title) for one in result.plan.sounds] == [
        ("en", ""),
        ("de", "Kommentar"),
    ]
    made = probe(result.top.path, options=OPTIONS)
    assert [one.language for one in made.sounds] == ["en", "de"]
    [lower] = transcode_lower(result.top.path, clips.new_path("work"), options=OPTIONS)
    assert probe(lower.path, options=OPTIONS).sounds == ()


@pytest.mark.ffmpeg
def test_the_default_sound_is_the_first_one() -> None:
    clip = clip_with(ENGLISH, GERMAN)
    flags = ("-disposition:a:0", "0", "-disposition:a:1", "default")
    clip = clips.make("mkv", "-i", str(clip), "-map", "0", "-c", "copy", *flags)
    result = result_of(clip)
    assert [heard(result.top.path, place) for place in (0, 1)] == [{880}, {440}]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("codec", one_in(2, {"copied": "libx264", "encoded": "libx265"}))
def test_two_microphones_are_heard_with_both_ears(codec: str) -> None:
    tones = (Tone(440, "pcm_s16le", 1), Tone(880, "pcm_s16le", 1))
    result = result_of(clip_with(*tones, suffix="mov", codec=codec))
    assert len(probe(result.top.path, options=OPTIONS).sounds) == 1
    for made in result.renditions:
        assert not read_index(made.path).is_separate
        for channel in (0, 1):
            assert heard(made.path, 0, channel=channel) == {440, 880}


@pytest.mark.ffmpeg
def test_an_empty_sound_and_one_that_cannot_be_decoded_are_left_out() -> None:
    empty, unlisted = Tone(660, is_empty=True), Tone(1320, UNLISTED)
    result = result_of(clip_with(ENGLISH, empty, unlisted, GERMAN))
    assert [heard(result.top.path, place) for place in (0, 1)] == [{440}, {880}]
    assert lost_sounds_note(result.info) == (
        "A sound track couldn't be kept: it is in “adpcm_yamaha”, which can't be converted here."
    )


@pytest.mark.ffmpeg
def test_sounds_that_are_too_many_are_left_out() -> None:
    info = probe(clip_with(ENGLISH, GERMAN, Tone(1320)), options=replace(OPTIONS, max_sounds=2))
    assert [one.language for one in info.sounds] == ["en", "de"]
    assert lost_sounds_note(info) == "Only the first 2 sound tracks could be kept."


@pytest.mark.ffmpeg
def test_a_sound_that_breaks_off_does_not_take_the_video_along() -> None:
    """More than a quarter of its packets cannot be decoded, but those at its start can."""
    spoilt = ("-bsf:a:1", "noise=amount='if(gt(n,10),2,0)'")
    clip = clip_with(Tone(440), Tone(880, "flac"))
    clip = clips.make("mkv", "-i", str(clip), "-map", "0", "-c", "copy", *spoilt)
    result = result_of(clip)
    assert heard(result.top.path, 0) == {440}
    assert result.sounds_failed


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("tones", "kept"), [((Tone(440),), []), ((Tone(440), Tone(880)), [{880}])])
def test_a_default_sound_that_cannot_be_decoded_does_not_take_the_video_along(
    tones: tuple[Tone, ...], kept: list[set[int]]
) -> None:
    """It is found before the run, even if it is AAC."""
    clip = clip_with(*tones, codec="libx265")
    spoilt = ("-bsf:a:0", "noise=amount=1")
    clip = clips.make("mkv", "-i", str(clip), "-map", "0", "-c", "copy", *spoilt)
    result = result_of(clip)
    found = [heard(result.top.path, place) for place, _ in enumerate(result.plan.sounds)]
    assert found == kept
    assert result.sounds_failed == ""
    assert "an unusual kind of AAC" in lost_sounds_note(result.info)


@pytest.mark.ffmpeg
def test_a_run_that_fails_with_several_sounds_is_made_with_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = clip_with(ENGLISH, GERMAN)

    def failing(source: Path, workdir: Path, plan: Plan, *_: object, **__: object) -> list[str]:
        return ["false"] if plan.is_separate else transcode_command(source, workdir, plan, OPTIONS)

    monkeypatch.setattr(pipeline, "transcode_command", failing)
    result = transcode(clip, clips.new_path("work"), options=OPTIONS)
    assert len(result.plan.sounds) == 1
    assert not read_index(result.top.path).is_separate
    assert "exit status" in result.sounds_failed
    assert lost_sounds_note(result.info) == "Only the first sound track could be kept."


def test_titles_with_places_or_paths_are_no_names() -> None:
    for title in ("Commentary", "AC-3/EAC-3 5.1", "Ton 2", ""):
        assert public_title(title) == title
    for title in (r"C:\Users\bob\take.wav", "/home/bob/take", "a/b/c.wav", "N 52.52000 E 13.40500"):
        assert public_title(title) == ""


@pytest.mark.parametrize(
    ("language", "title", "label"),
    [
        ("en", "", "English"),
        ("und", "", "Track 2"),
        ("und", "Game", "Game"),
        ("en", "Commentary", "Commentary (English)"),
        ("en", "english 5.1", "english 5.1"),
        ("xyz", "", "xyz"),
    ],
)
def test_labels(language: str, title: str, label: str) -> None:
    assert sound_label(language, title, number=2) == label


def test_languages_come_back_from_a_file() -> None:
    assert [three_letters(code) for code in ("de", "zh", "ast", "und")] == [
        *("deu", "zho", "ast", "und")
    ]
    for code in TWO_LETTERS.values():
        assert language_code(three_letters(code)) == code


def test_a_single_sound_is_none_to_choose_from() -> None:
    result = result_of(clip_with(ENGLISH, GERMAN))
    assert [one.number for one in sound_tracks(result.plan.sounds)] == [2, 3]
    assert sound_tracks(result.plan.sounds[:1]) == ()
