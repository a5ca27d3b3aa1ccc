"""The sound tracks of a published file: their names, and what is stored of them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from videos.transcode.coordinates import names_place
from videos.transcode.languages import UNKNOWN, language_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from videos.transcode.fragments import SoundFacts
    from videos.transcode.media import AudioStream, MediaInfo
    from videos.transcode.types import Sound

# Some programs write the name of the file that a track came from, with its folders.
_PATH: Final = re.compile(r"\\|://|^[~/]|/[^/\s]+/")

FIRST_SOUND: Final = 2  # its number: FFmpeg numbers the tracks of MP4 from 1 on, the picture first


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundTrack:
    """One of several sounds of a published file. The first one is the default.

    Attributes:
        number: of the track in the file.
        language: two or three lower-case letters; "und" if unknown.
        title: often empty.
        codec: as in RFC 6381; "" while the file is written.
    """

    number: int
    language: str
    title: str
    channels: int
    codec: str = ""


def sound_tracks(sounds: Sequence[AudioStream | Sound]) -> tuple[SoundTrack, ...]:
    """Returns the sounds of a file to choose from, in its order; none if it has only one."""
    return tuple(
        SoundTrack(
            number=FIRST_SOUND + place,
            language=one.language,
            title=one.title,
            channels=one.channels,
        )
        for place, one in enumerate(sounds)
        if len(sounds) > 1
    )


def stored_tracks(
    tracks: Sequence[SoundTrack], found: Iterable[SoundFacts] = ()
) -> list[dict[str, Any]]:
    """Returns the tracks as a row stores them. `found`: what the finished file says of them."""
    codecs = {one.track: one.codec for one in found}
    return [asdict(replace(one, codec=codecs.get(one.number, one.codec))) for one in tracks]


def tracks_of_row(stored: Iterable[Mapping[str, Any]]) -> tuple[SoundTrack, ...]:
    """Returns what `stored_tracks` stored."""
    return tuple(SoundTrack(**one) for one in stored)


def sounds_of_file(known: Iterable[SoundTrack], numbers: Iterable[int]) -> tuple[SoundTrack, ...]:
    """Returns the sounds of a file whose tracks are separate: all of them, since its picture is
    silent without them, with what the row tells.

    Args:
        known: of the row.
        numbers: of the sound tracks in the file.
    """
    told = {track.number: track for track in known}
    nameless = SoundTrack(number=0, language=UNKNOWN, title="", channels=0)
    return tuple(told.get(number, replace(nameless, number=number)) for number in numbers)


def public_title(title: str) -> str:
    """Returns a title that all viewers may read; "" for a path of a disk or for coordinates."""
    return "" if _PATH.search(title) or names_place(title) else title


def sound_label(language: str, title: str, *, number: int) -> str:
    """Returns the name of a sound track for viewers: "English", "Commentary (English)", "Track 2".

    Args:
        language: a result of ``languages.language_code``.
        number: the place of the track among those of its video, from 1 on.
    """
    if language == UNKNOWN:
        return title or f"Track {number}"
    name = language_name(language)
    if not title:
        return name
    return title if name.lower() in title.lower() else f"{title} ({name})"


def lost_sounds_note(info: MediaInfo) -> str:
    """Returns what the uploader should know of sounds that are not in the result; "" if all are."""
    sentences = []
    if info.lost_sounds:
        formats = _listed(info.lost_sounds)
        if not info.sounds:
            what = f"The sound couldn't be kept: this video's sound is in {formats}"
        elif len(info.lost_sounds) == 1:
            what = f"A sound track couldn't be kept: it is in {formats}"
        else:
            what = f"Some sound tracks couldn't be kept: they are in {formats}"
        sentences.append(f"{what}, which can't be converted here.")
    if info.surplus_sounds:
        kept = len(info.sounds)
        first = "the first sound track" if kept == 1 else f"the first {kept} sound tracks"
        sentences.append(f"Only {first} could be kept.")
    return " ".join(sentences)


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
