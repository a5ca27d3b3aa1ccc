"""Subtitles: whatever comes in is read or refused, and what goes out is clean WebVTT."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import clips
from tests.examples import examples, one_in
from videos.transcode import caption_tracks
from videos.transcode.caption_tracks import ExtractedCaption, extract_captions
from videos.transcode.captions import (
    MAX_BYTES,
    MAX_CUES,
    CaptionError,
    Cue,
    clean,
    parse_captions,
    plain_text,
    write_vtt,
)
from videos.transcode.errors import CancelledError, ProcessingError
from videos.transcode.languages import ENGLISH, TWO_LETTERS, language_code, language_name
from videos.transcode.probe import probe
from videos.transcode.text_encodings import decode_cues, decode_text
from videos.transcode.types import Options, Progress

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = Options()
DAY = 24 * 3600 * 1000

# Pieces that mean something to one format or another, between any characters at all.
FRAGMENTS = st.sampled_from(
    [
        *("<i>", "</i>", "<b>", "</b>", "<u>", "</u>", "<I>", "<c.red>", "</c>", "<00:01.000>"),
        *("<script>", "<v Ann>", "<", ">", "&", "&amp;", "&lt;", "&#10;", "&#0;", "&amp;lt;"),
        *("\n", "\r", "\r\n", "\n\n", "\0", "\u2028", "\ufeff", "{\\an8}", "-->", "7", " "),
        *("00:00:01,000 --> 00:00:02,000", "00:03.000 --> 00:04.000 align:start"),
        *("WEBVTT", "NOTE", "STYLE", "::cue{}"),
    ]
)
CHARACTERS = st.text(max_size=8) | st.characters(categories=["Cc", "Cs", "Zs", "Zl", "Zp"])
MARKUP = st.lists(FRAGMENTS | CHARACTERS, max_size=30).map("".join)


@st.composite
def tracks(draw: st.DrawFn) -> list[Cue]:
    """Cues as ``parse_captions`` gives them."""
    cues = []
    for markup in draw(st.lists(MARKUP, max_size=8)):
        start = draw(st.integers(min_value=0, max_value=DAY))
        end = draw(st.integers(min_value=start + 1, max_value=DAY + 1))
        text = clean(markup)
        if plain_text(text).strip():
            cues.append(Cue(start, end, text))
    return sorted(cues, key=lambda cue: cue.start)


@settings(max_examples=examples(100), deadline=None)
@given(tracks())
def test_what_is_written_is_read_back(cues: list[Cue]) -> None:
    assert parse_captions(write_vtt(cues)) == cues


@settings(max_examples=examples(100), deadline=None)
@given(MARKUP)
def test_anything_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        cues = parse_captions(text)
    except CaptionError as error:
        refusal = error.sentence
    else:
        assert parse_captions(write_vtt(cues)) == cues
        return
    assert refusal.endswith(".")


@settings(deadline=None)
@given(MARKUP)
def test_what_is_clean_stays_as_it_is(markup: str) -> None:
    once = clean(markup)
    assert clean(once) == once


@settings(deadline=None)
@given(MARKUP)
def test_nothing_but_three_tags_and_escaped_text_is_left(markup: str) -> None:
    cleaned = clean(markup)
    rest = re.sub(r"</?[biu]>", "", cleaned)
    assert not re.search(r"[<>\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", rest)
    assert not re.search(r"&(?!amp;|lt;|gt;)", rest)
    assert "\n\n" not in cleaned
    opened: list[str] = []
    for closing, name in re.findall(r"<(/?)([biu])>", cleaned):
        if closing:
            assert opened.pop() == name
        else:
            opened.append(name)
    assert not opened


@settings(deadline=None)
@given(st.lists(st.builds(Cue, st.integers(), st.integers(), MARKUP), max_size=5))
def test_the_writer_trusts_nobody(cues: list[Cue]) -> None:
    body = write_vtt(cues)
    body.encode()
    read = parse_captions(body)
    assert len(read) <= len(cues)
    assert body.count("-->") == len(read)


SRT = """1
00:00:00,500 --> 00:00:01,500
<i>Hello</i> & goodbye

2
00:00:02,000 --> 00:00:03,5
{\\an8}<font color="red">1 < 2</font>

after an empty line
3
01:00:04,000 --> 01:00:05,000
no line between
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n"])
def test_subrip(newline: str, start: str) -> None:
    assert parse_captions(start + SRT.replace("\n", newline)) == [
        Cue(500, 1500, "<i>Hello</i> &amp; goodbye"),
        Cue(2000, 3500, "1 &lt; 2\nafter an empty line"),
        Cue(3_604_000, 3_605_000, "no line between"),
    ]


VTT = """WEBVTT - a title
Kind: captions

STYLE
::cue { background: url(https://example.org/) }

NOTE 00:00.000 -> not a time

later
00:03.000 --> 00:04.000 position:10% line:0
<v.loud Ann>It&rsquo;s <c.red><b>late</b></c>, <00:03.500>isn't it?

00:01.000 --> 00:02.000
<script>alert(1)</script>
&lt;i&gt; & co

00:05.000 --> 00:05.000
no time at all

00:06.000 --> 00:07.000

100:00:00.000 --> 100:00:01.000
far out
"""


def test_webvtt() -> None:
    assert parse_captions(VTT) == [
        Cue(1000, 2000, "alert(1)\n&lt;i&gt; &amp; co"),
        Cue(3000, 4000, "It’s <b>late</b>, isn't it?"),
        Cue(360_000_000, 360_001_000, "far out"),
    ]


def test_an_empty_track_is_one() -> None:
    assert parse_captions("WEBVTT") == []
    assert write_vtt([]) == "WEBVTT\n"


def test_how_it_is_written() -> None:
    assert write_vtt([Cue(3_661_001, 3_662_000, "<I>a<b>b</i>c & <d>\n\n--> e")]) == (
        "WEBVTT\n\n01:01:01.001 --> 01:01:02.000\n<i>a<b>b</b></i>c &amp;\n--&gt; e\n"
    )


@pytest.mark.parametrize(
    "text", ["", "   \n", "Dear all,\n", "<html>", "{1}{25}MicroDVD", "WEBVTTX\n\nno"]
)
def test_what_is_no_subtitle_is_refused(text: str) -> None:
    with pytest.raises(CaptionError, match="We couldn't read any captions in this file"):
        parse_captions(text)


def test_too_much_is_refused() -> None:
    with pytest.raises(CaptionError, match="2 MB"):
        parse_captions("WEBVTT\n" + "x" * MAX_BYTES)
    lines = [f"{n // 3600}:{n // 60 % 60}:{n % 60}.0 --> 9:00:00\nx\n" for n in range(MAX_CUES + 1)]
    with pytest.raises(CaptionError, match="20,000"):
        parse_captions("\n".join(lines))
    assert len(parse_captions("\n".join(lines[1:]))) == MAX_CUES
    with pytest.raises(CaptionError, match="2 MB"):
        write_vtt([Cue(0, 1, "x" * MAX_BYTES)])


@pytest.mark.parametrize(
    "piece",
    one_in(3, ["<", "<i", "<i>", "</i>", "&", "{\\", "0", ":", "\r", "00:01-->", " ", "<b><i>"]),
)
def test_a_hostile_file_costs_no_time(piece: str) -> None:
    text = "00:00:01,000 --> 00:00:02,000\n" + piece * (MAX_BYTES // len(piece) - 20)
    began = time.monotonic()
    with suppress(CaptionError):
        parse_captions(text)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("start", ["", "WEBVTT\n\n"])
def test_a_reference_to_a_character_without_end_is_none(start: str) -> None:
    text = f"{start}00:00:01,000 --> 00:00:02,000\n&#65;&#{'1' * 5000}; &amp;#{'1' * 5000};\n"
    (cue,) = parse_captions(text)
    assert cue.text == f"A\N{REPLACEMENT CHARACTER} &amp;#{'1' * 5000};"
    assert parse_captions(write_vtt([cue])) == [cue]


# -- languages


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("eng", "en"), ("fre", "fr"), ("fra", "fr"), ("de", "de"), ("GSW", "gsw")),
        *(("en-US", "en"), ("pt_BR", "pt"), ("zh-Hans", "zh"), (" deu ", "de")),
        *(("", "und"), ("und", "und"), ("zxx", "und"), ("mul", "und"), ("english", "und")),
        *(("e", "und"), ("12", "und"), ("ﬁn", "und"), ("en\x00", "en"), ("<b>", "und")),
    ],
)
def test_languages_have_one_name_each(written: str, code: str) -> None:
    assert language_code(written) == code


@settings(deadline=None)
@given(st.text())
def test_a_language_is_a_few_small_letters(written: str) -> None:
    assert re.fullmatch("[a-z]{2,3}", language_code(written))


def test_every_short_code_has_an_english_name() -> None:
    assert {*TWO_LETTERS.values()} == {*ENGLISH}
    assert language_name("de") == "German"
    assert language_name("und") == "Subtitles"
    assert language_name("gsw") == "gsw"


# -- out of videos


def extracted(clip: Path, folder: Path) -> tuple[ExtractedCaption, ...]:
    captions = extract_captions(clip, probe(clip, options=OPTIONS), folder, options=OPTIONS)
    assert list(folder.iterdir()) == []
    return captions


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("suffix", "codec"), [("mkv", "subrip"), ("mkv", "ass"), ("mkv", "webvtt"), ("mp4", "mov_text")]
)
def test_text_inside_a_video_becomes_a_track(suffix: str, codec: str, tmp_path: Path) -> None:
    [track] = extracted(clips.with_subtitles(suffix, codec, "fre"), tmp_path)
    assert (track.code, track.language, track.label) == ("fr", "fr", "French")
    cues = parse_captions(track.body)
    assert [(cue.start, cue.end) for cue in cues] == [(500, 1500), (1600, 2000)]
    assert cues[0].text == "<i>Hello</i>\nsecond line"
    # FFmpeg's own reader of WebVTT drops what looks like a tag; the others keep it as text.
    assert cues[1].text.startswith("A &amp; B")
    assert "script" not in track.body


@pytest.mark.ffmpeg
def test_typesetting_is_read_for_its_words(tmp_path: Path) -> None:
    clip = clips.with_texts("mkv", clips.TYPESET, codec="ass")
    [track] = extracted(clip, tmp_path)
    assert parse_captions(track.body) == [Cue(1000, 1500, "<b>Hi\n</b>there\N{NO-BREAK SPACE}you")]


ENCODED = {
    "Latin-1": ("Größe und Freude", "latin-1", "subrip", "ger"),
    "UTF-16, big endian": ("Größe und Freude", "utf-16-be", "subrip", ""),
    "UTF-16 with its mark": ("Größe und Freude", "utf-16", "subrip", ""),
    "Windows-1252": ("“ça va” – 5 €", "cp1252", "subrip", ""),
    "Windows-1251": ("Привет, мир", "cp1251", "subrip", "rus"),
    "Latin-1 in SubStation Alpha": ("Größe und Freude", "latin-1", "ass", ""),
    "Latin-1 in WebVTT": ("Größe und Freude", "latin-1", "webvtt", ""),
    "UTF-8": ("Größe – Привет", "utf-8", "subrip", "ger"),
}


@pytest.mark.ffmpeg
@pytest.mark.parametrize("case", one_in(2, ENCODED))
def test_text_in_an_old_encoding_is_read(case: tuple[str, str, str, str], tmp_path: Path) -> None:
    text, encoding, codec, language = case
    [track] = extracted(clips.with_encoded_text(text, encoding, codec, language), tmp_path)
    assert [cue.text for cue in parse_captions(track.body)] == [text, "No accents here"]


@pytest.mark.parametrize(
    ("raw", "language", "text"),
    [
        (b"Hi\0", "", "Hi\0"),
        (b"a long line with one zero\0", "en", "a long line with one zero\0"),
        ("日本語".encode("shift-jis"), "jpn", "日本語"),
        ("日本".encode("utf-16-le"), "", "日本".encode("utf-16-le").decode("cp1252", "replace")),
        ("Ещё раз".encode("utf-16-be"), "ru", "Ещё раз"),
        (b"\x81\xff", "ja", b"\x81\xff".decode("cp1252", "replace")),
    ],
)
def test_encodings_are_guessed(raw: bytes, language: str, text: str) -> None:
    assert decode_text(raw, language) == text


@pytest.mark.ffmpeg
def test_several_tracks_have_codes_of_their_own(tmp_path: Path) -> None:
    clip = clips.with_subtitles("mkv", "subrip", "eng", "eng", "ger", "", "en", forced=2)
    tracks = extracted(clip, tmp_path)
    assert [one.code for one in tracks] == ["en", "en-2", "de", "und", "en-3"]
    assert [one.label for one in tracks] == [
        *("English", "English 2", "German (forced)", "Subtitles", "English 3"),
    ]
    assert [one.is_default for one in tracks] == [False, False, True, False, False]


@pytest.mark.ffmpeg
def test_an_enabled_track_of_an_mp4_is_not_shown_unasked(tmp_path: Path) -> None:
    clip = clips.with_subtitles("mp4", "mov_text", "eng")
    assert probe(clip, options=OPTIONS).subtitles[0].default
    assert not extracted(clip, tmp_path)[0].is_default


@pytest.mark.ffmpeg
def test_drawn_subtitles_are_left_out(tmp_path: Path) -> None:
    clip = clips.with_drawn_subtitles()
    assert [one.index for one in probe(clip, options=OPTIONS).subtitles] == [2]
    assert [one.code for one in extracted(clip, tmp_path)] == ["en"]
    assert extracted(clips.h264_mp4(), tmp_path) == ()


@pytest.mark.ffmpeg
def test_they_stay_with_a_picture_that_starts_late_in_its_file(tmp_path: Path) -> None:
    """Times in the file are a minute on; the video that is made starts at nought."""
    [track] = extracted(clips.with_subtitles("mkv", "subrip", "eng", start=60), tmp_path)
    assert [cue.start for cue in parse_captions(track.body)] == pytest.approx([500, 1600], abs=30)


@pytest.mark.ffmpeg
def test_tracks_that_are_too_large_or_empty_are_left_out_alone(tmp_path: Path) -> None:
    line = "x" * 1000
    large = "".join(
        f"{n}\n00:00:00,{n % 1000:03} --> 00:00:01,500\n{line} {n}\n\n" for n in range(2500)
    )
    beyond = "1\n00:00:05,000 --> 00:00:06,000\nafter the end of the picture\n"
    tracks = extracted(clips.with_texts("mkv", beyond, large, clips.SUBTITLES), tmp_path)
    assert [len(parse_captions(one.body)) for one in tracks] == [2]


@pytest.mark.ffmpeg
def test_no_more_tracks_are_taken_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = "1\n00:00:00,500 --> 00:00:01,000\nshort\n"
    clip = clips.with_texts("mkv", clips.SUBTITLES, clips.SUBTITLES, short)
    sizes = [len(one.body.encode()) for one in extracted(clip, tmp_path)]
    monkeypatch.setattr(caption_tracks, "MAX_BYTES_IN_ALL", sizes[0] + sizes[2])
    tracks = extracted(clip, tmp_path)
    assert [len(one.body.encode()) for one in tracks] == [sizes[0], sizes[2]]


@pytest.mark.ffmpeg
def test_bytes_that_are_no_text_take_no_line_along(tmp_path: Path) -> None:
    clip = clips.with_subtitles("mkv", "subrip", "eng", "fre")
    broken = tmp_path / "clip.mkv"
    # In the first track, which comes first at each time.
    broken.write_bytes(clip.read_bytes().replace(b"second line", b"\xff\xfe\xfd\xfc line!!", 1))
    (tmp_path / "work").mkdir()
    tracks = extracted(broken, tmp_path / "work")
    assert [len(parse_captions(one.body)) for one in tracks] == [2, 2]


@pytest.mark.ffmpeg
def test_ours_to_blame_and_a_cancel_are_told(tmp_path: Path) -> None:
    clip = clips.with_subtitles("mkv", "subrip", "eng")
    info = probe(clip, options=OPTIONS)
    with pytest.raises(ProcessingError):
        extract_captions(clip, info, tmp_path, options=Options(ffmpeg="/nowhere/ffmpeg"))

    def tick(_: Progress) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        extract_captions(clip, info, tmp_path, options=OPTIONS, tick=tick)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ffmpeg
def test_a_source_that_is_gone_has_no_tracks(tmp_path: Path) -> None:
    clip = clips.with_subtitles("mkv", "subrip", "eng")
    info = probe(clip, options=OPTIONS)
    assert extract_captions(tmp_path / "gone.mkv", info, tmp_path, options=OPTIONS) == ()


def test_text_that_looks_like_the_start_of_a_cue() -> None:
    start = b"1\n00:00:01,000 --> 00:00:02,000\n"
    text = b"5\n00:00:03,000 --> 00:00:04,000 \xe9\n"
    assert decode_cues(start + text + b"\n", "fr").endswith("4,000 \xe9\n\n")
