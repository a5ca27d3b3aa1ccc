"""Reads facts about the tracks from the moov of an MP4, given as bytes.

Boxes are those of ISO/IEC 14496-12. Every function raises ValueError with the reason for contents
that are damaged or that renditions never have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from videos.transcode.container import box_header

if TYPE_CHECKING:
    from collections.abc import Iterator


def video_track(moov: bytes) -> int:
    """Returns the number of the first video track."""
    for track in boxes_in(moov, b"trak"):
        if _handler(track) == b"vide":
            return _number(track)
    raise ValueError("no picture track")


def sound_configuration(moov: bytes) -> tuple[int, bytes]:
    """Returns the number of the first sound track, and its decoder's configuration (ISO/IEC
    14496-3, 1.6.2.1). (0, b"") if no track has MPEG-4 sound."""
    for track in boxes_in(moov, b"trak"):
        if _handler(track) == b"soun":
            decoder = _sound_decoder(track)
            if decoder[:1] == b"\x40":
                return _number(track), _descriptor(decoder[13:], 5)
    return 0, b""


def avc_record(moov: bytes) -> tuple[int, bytes]:
    """Returns the offset in the moov and the content of the first video track's ``avcC``."""
    for track in boxes_in(moov, b"trak"):
        if _handler(track) == b"vide":
            record = _child(_sample_entry(track)[1][78:], b"avcC")
            return moov.index(b"avcC" + record) + 4, record
    raise ValueError("no picture track")


def codec_names(moov: bytes) -> str:
    """Returns the codecs of the tracks (RFC 6381), the video first: "avc1.640028,mp4a.40.2"."""
    tracks = [(_handler(track), track) for track in boxes_in(moov, b"trak")]
    pictures = [_picture_codec(track) for handler, track in tracks if handler == b"vide"]
    sounds = [_sound_codec(track) for handler, track in tracks if handler == b"soun"]
    if not pictures:
        raise ValueError("no picture track")
    return ",".join(pictures + sounds)


def boxes_in(content: bytes, kind: bytes) -> Iterator[bytes]:
    """Yields the content of each box of this kind on the top level of `content`."""
    return (box for found, box in all_boxes(content) if found == kind)


def all_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields kind and content of each box on the top level of `content`."""
    place = 0
    while (header := box_header(content[place : place + 16])) is not None:
        end = place + header.size
        if header.size < header.length or end > len(content):
            raise ValueError(f"a box of {header.size} bytes in the moov")
        yield header.kind, content[place + header.length : end]
        place = end


def _child(content: bytes, *path: bytes) -> bytes:
    for kind in path:
        found = next(boxes_in(content, kind), None)
        if found is None:
            raise ValueError(f"no {kind!r} where one belongs in the moov")
        content = found
    return content


def _number(track: bytes) -> int:
    header = _child(track, b"tkhd")
    place = 20 if header[:1] == b"\1" else 12  # after two times of 64 or 32 bits
    return int.from_bytes(header[place : place + 4])


def _handler(track: bytes) -> bytes:
    return _child(track, b"mdia", b"hdlr")[8:12]


def _sample_entry(track: bytes) -> tuple[str, bytes]:
    """Returns the kind and the content of the first sample entry (ISO/IEC 14496-12, 8.5.2)."""
    entries = _child(track, b"mdia", b"minf", b"stbl", b"stsd")[8:]
    header = box_header(entries)
    if header is None:
        raise ValueError("an empty stsd")
    return header.kind.decode("latin-1"), _child(entries, header.kind)


def _picture_codec(track: bytes) -> str:
    """Returns the codec name (RFC 6381, 3.3) with the profile of ISO/IEC 14496-15, 5.3.3.1."""
    kind, entry = _sample_entry(track)
    if kind not in ("avc1", "avc3"):
        raise ValueError(f"a picture of the kind {kind!r}")
    record = _child(entry[78:], b"avcC")
    if len(record) < 4 or record[0] != 1:
        raise ValueError("no parameters of H.264 in avcC")
    return f"{kind}.{record[1:4].hex().upper()}"


def _sound_codec(track: bytes) -> str:
    """Returns the codec name (RFC 6381, 3.3) with the object type of ISO/IEC 14496-1.

    For MPEG-4 audio, the object type of ISO/IEC 14496-3 follows.
    """
    decoder = _sound_decoder(track)
    object_type = decoder[:1].hex().upper()
    if object_type != "40":
        return f"mp4a.{object_type}"
    return f"mp4a.40.{_audio_object_type(_descriptor(decoder[13:], 5))}"


def _sound_decoder(track: bytes) -> bytes:
    """Returns the DecoderConfigDescriptor (ISO/IEC 14496-1, 7.2.6.6) of a sound track."""
    kind, entry = _sample_entry(track)
    if kind != "mp4a":
        raise ValueError(f"sound of the kind {kind!r}")
    content = _child(entry[28:], b"esds")[4:]
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
