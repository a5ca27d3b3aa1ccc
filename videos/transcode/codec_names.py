"""Names of codecs with their parameters (RFC 6381), for playlists and for questions to browsers.

They are read from the sample entries of an MP4. Every function raises ValueError with the reason
for contents that are damaged or that renditions never have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.transcode.moov import (
    PICTURE_ENTRY_BYTES,
    all_boxes,
    boxes_in,
    child,
    handler,
    picture_boxes,
    sample_entry,
    track_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOLBY_BOXES = (b"dvcC", b"dvvC")
# By the profile, whose picture is HEVC or AV1, and by what other players see: HDR10, SDR or HLG.
DOLBY_CODECS = {8: "dvh1", 10: "dav1"}
DOLBY_BRANDS = {1: "db1p", 2: "db2g", 4: "db4h"}

SOUND_ENTRY_BYTES = 28  # of an AudioSampleEntry (12.2.3)


def codec_names(moov: bytes) -> str:
    """Returns the codecs of the picture and of the first sound: "avc1.640028,mp4a.40.2"."""
    tracks = [(handler(track), sample_entry(track)) for track in boxes_in(moov, b"trak")]
    pictures = [picture_codec(*entry) for kind, entry in tracks if kind == b"vide"]
    if not pictures:
        raise ValueError("no picture track")
    return ",".join([*pictures, *(codec for _, codec in sound_codecs(moov)[:1])])


def supplemental_codecs(moov: bytes) -> str:
    """Returns what players with Dolby Vision decode instead: "dvh1.08.07/db4h"; "" for others.

    See RFC 8216bis, 4.4.6.2 (SUPPLEMENTAL-CODECS) and Dolby Vision Streams within the ISO Base
    Media File Format, 3.2.
    """
    boxes = dict(all_boxes(picture_boxes(moov)))
    record = next((boxes[kind] for kind in DOLBY_BOXES if kind in boxes), b"")
    if len(record) < 5:
        return ""
    profile, level = record[2] >> 1, (record[2] & 1) << 5 | record[3] >> 3
    brand = DOLBY_BRANDS.get(record[4] >> 4)
    if profile not in DOLBY_CODECS or brand is None:
        return ""
    return f"{DOLBY_CODECS[profile]}.{profile:02}.{level:02}/{brand}"


def sound_codecs(moov: bytes) -> list[tuple[int, str]]:
    """Returns the number and the codec of each sound track, in their order."""
    tracks = [track for track in boxes_in(moov, b"trak") if handler(track) == b"soun"]
    return [(track_number(track), sound_codec(*sample_entry(track))) for track in tracks]


def sound_configurations(moov: bytes) -> dict[int, bytes]:
    """Returns the decoder's configuration of each track of MPEG-4 sound, by track number.

    See ISO/IEC 14496-3, 1.6.2.1.
    """
    found: dict[int, bytes] = {}
    for track in boxes_in(moov, b"trak"):
        if handler(track) == b"soun":
            kind, entry = sample_entry(track)
            decoder = _sound_decoder(entry) if kind == "mp4a" else b""
            if decoder[:1] == b"\x40":
                found[track_number(track)] = _descriptor(decoder[13:], 5)
    return found


def picture_codec(kind: str, entry: bytes) -> str:
    """Returns the name of a picture codec, such as "avc1.640028" or "hvc1.2.4.L120.90".

    Args:
        kind: of the sample entry.
        entry: content of the sample entry.
    """
    if kind not in _PICTURES:
        raise ValueError(f"a picture of the kind {kind!r}")
    box, name_of = _PICTURES[kind]
    return name_of(kind, child(entry[PICTURE_ENTRY_BYTES:], box))


def sound_codec(kind: str, entry: bytes) -> str:
    """Returns the name of a sound codec, such as "mp4a.40.2" or "opus".

    Args:
        kind: of the sample entry.
        entry: content of the sample entry.
    """
    if kind in _SOUNDS:
        return _SOUNDS[kind]
    if kind != "mp4a":
        raise ValueError(f"sound of the kind {kind!r}")
    return _mpeg4_sound(kind, entry)


# -- pictures


def _avc(kind: str, record: bytes) -> str:
    """Profile, compatibility and level (ISO/IEC 14496-15, 5.3.3.1)."""
    if len(record) < 4 or record[0] != 1:
        raise ValueError("no parameters of H.264 in avcC")
    return f"{kind}.{record[1:4].hex().upper()}"


def _hevc(kind: str, record: bytes) -> str:
    """Profile, compatibility, tier, level and constraints (ISO/IEC 14496-15, annex E.3)."""
    if len(record) < 13 or record[0] != 1:
        raise ValueError("no parameters of HEVC in hvcC")
    space = ("", "A", "B", "C")[record[1] >> 6]
    tier = "H" if record[1] & 0b10_0000 else "L"
    # The flags are written from the last bit to the first.
    flags = int(f"{int.from_bytes(record[2:6]):032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\0")
    parts = [
        kind,
        f"{space}{record[1] & 0b1_1111}",
        f"{flags:X}",
        f"{tier}{record[12]}",
        *(f"{byte:X}" for byte in constraints),
    ]
    return ".".join(parts)


def _av1(kind: str, record: bytes) -> str:
    """Profile, level, tier and bit depth (AV1 Codec ISO Media File Format Binding, 5)."""
    if len(record) < 4 or record[0] != 0x81:
        raise ValueError("no parameters of AV1 in av1C")
    profile, level = record[1] >> 5, record[1] & 0b1_1111
    tier = "H" if record[2] & 0b1000_0000 else "M"
    is_deep, is_deepest = record[2] & 0b100_0000, record[2] & 0b10_0000
    depth = (12 if is_deepest else 10) if is_deep else 8
    return f"{kind}.{profile}.{level:02}{tier}.{depth:02}"


def _vp9(kind: str, record: bytes) -> str:
    """Profile, level and bit depth (VP Codec ISO Media File Format Binding, 2.2)."""
    content = record[4:]  # after version and flags
    if len(content) < 6 or record[0] != 1:
        raise ValueError("no parameters of VP9 in vpcC")
    return f"{kind}.{content[0]:02}.{content[1]:02}.{content[2] >> 4:02}"


_PICTURES: Mapping[str, tuple[bytes, Callable[[str, bytes], str]]] = {
    "avc1": (b"avcC", _avc),
    "avc3": (b"avcC", _avc),
    "hvc1": (b"hvcC", _hevc),
    "hev1": (b"hvcC", _hevc),
    "av01": (b"av1C", _av1),
    "vp09": (b"vpcC", _vp9),
}

# -- sound

_SOUNDS: Mapping[str, str] = {
    "Opus": "opus",
    "fLaC": "flac",
    "ac-3": "ac-3",
    "ec-3": "ec-3",
}


def _mpeg4_sound(kind: str, entry: bytes) -> str:
    """The object type of ISO/IEC 14496-1; for MPEG-4 audio, that of ISO/IEC 14496-3 follows."""
    decoder = _sound_decoder(entry)
    object_type = decoder[:1].hex().upper()
    if object_type != "40":
        return f"{kind}.{object_type}"
    return f"{kind}.40.{_audio_object_type(_descriptor(decoder[13:], 5))}"


def _sound_decoder(entry: bytes) -> bytes:
    """Returns the DecoderConfigDescriptor (ISO/IEC 14496-1, 7.2.6.6) of MPEG-4 sound."""
    content = child(entry[SOUND_ENTRY_BYTES:], b"esds")[4:]
    stream = _descriptor(content, 3)
    flags = stream[2] if len(stream) > 2 else 0
    if flags & 0b1110_0000:  # fields for other streams and URLs, which files do not use
        raise ValueError("an esds that refers to other streams")
    return _descriptor(stream[3:], 4)


def _descriptor(content: bytes, tag: int) -> bytes:
    """Returns the content of a descriptor: a tag, then a size in up to four groups of 7 bits.

    See ISO/IEC 14496-1, 7.2.2 and 8.3.3.
    """
    size = 0
    for place in range(1, min(5, len(content))):
        size = size << 7 | content[place] & 0x7F
        if not content[place] & 0x80:
            if content[0] != tag or size == 0 or place + 1 + size > len(content):
                break
            return content[place + 1 : place + 1 + size]
    raise ValueError(f"no descriptor {tag} in esds")


class Bits:
    """Reads numbers of any count of bits; after the end the bits are zeros."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content)
        self.bits_left = 8 * len(content)

    def take(self, count: int) -> int:
        self.bits_left -= count
        shifted = (
            self._value >> self.bits_left if self.bits_left >= 0 else self._value << -self.bits_left
        )
        return shifted & ((1 << count) - 1)


def _audio_object_type(config: bytes) -> int:
    """Returns the audio object type: 2 for AAC-LC, 5 for HE-AAC, 29 for HE-AAC v2.

    See ISO/IEC 14496-3, 1.6.2.1. HE-AAC is signalled either at the start, or after a configuration
    that other decoders read as AAC-LC.
    """
    bits = Bits(config)
    kind = _object_type(bits)
    if bits.take(4) == 0xF:  # the sampling rate as a 24-bit number
        bits.take(24)
    channels = bits.take(4)
    if kind != 2 or channels == 0:  # with 0, a channel layout follows, which HE-AAC does not have
        return kind
    bits.take(1)
    if bits.take(1):
        bits.take(14)
    bits.take(1)
    if bits.bits_left < 17 or bits.take(11) != 0x2B7 or _object_type(bits) != 5 or not bits.take(1):
        return kind
    if bits.take(4) == 0xF:
        bits.take(24)
    parametric_stereo = bits.bits_left >= 12 and bits.take(11) == 0x548 and bits.take(1)
    return 29 if parametric_stereo else 5


def _object_type(bits: Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == 31 else kind
