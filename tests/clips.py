"""Small real clips, made on the spot by FFmpeg and kept for the length of the test run.

Every builder returns the path of a file that others use too, in every worker of the run: copy it
before changing it. What is made goes by the builder's arguments, so that asking twice costs once.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import itertools
import os
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from tests.noise import random_h264

LOCATION = "+48.8577+002.2950/"
QUARTER_RIGHT = (0, 1, -1, 0)
QUARTER_LEFT = (0, -1, 1, 0)
HALF_TURN = (-1, 0, 0, -1)
MIRROR = (-1, 0, 0, 1)

HLG_TAGS = "colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
PQ_TAGS = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"

# Names the folder of the clips that all processes of a run share.
SHARED = "CLIPSET_TESTS_CLIPS"

_numbers = itertools.count()


def share() -> None:
    """Has the processes that this one starts, such as workers, share its clips."""
    if SHARED not in os.environ:
        os.environ[SHARED] = str(folder())


@functools.cache
def folder() -> Path:
    """Where files of this process alone lie; gone when the interpreter ends."""
    path = Path(tempfile.mkdtemp(prefix="clips-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def new_path(suffix: str, stem: str = "clip") -> Path:
    """A path in ``folder()`` that nothing else has."""
    return folder() / f"{stem}-{next(_numbers)}.{suffix}"


@functools.cache
def make(suffix: str, *args: str) -> Path:
    """Runs FFmpeg with these arguments and an output of this suffix, unless another process did."""
    key = hashlib.sha256("\0".join((suffix, *args)).encode()).hexdigest()[:16]
    path = Path(os.environ.get(SHARED) or folder()) / f"made-{key}.{suffix}"
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            begun = path.with_name(f"begun-{path.name}")
            command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *args, str(begun)]
            subprocess.run(command, check=True, timeout=60)
            begun.rename(path)
    return path


def picture(seconds: float = 2, size: str = "320x180", fps: str = "30") -> tuple[str, ...]:
    """Input options: a moving test picture."""
    return ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={fps}:duration={seconds}")


def tone(seconds: float = 2, layout: str = "stereo", rate: int = 44_100) -> tuple[str, ...]:
    """Input options: a tone on every channel of a layout ("mono", "stereo", "5.1")."""
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    waves = "|".join(f"0.2*sin({300 + 100 * n}*2*PI*t)" for n in range(channels))
    source = f"aevalsrc='{waves}':c={layout}:s={rate}:d={seconds}"
    return ("-f", "lavfi", "-i", source)


def ten_channels(seconds: float = 1) -> tuple[str, ...]:
    """Input options: more channels than any usual layout has."""
    waves = "|".join(["0.2*sin(440*2*PI*t)"] * 10)
    return ("-f", "lavfi", "-i", f"aevalsrc='{waves}':d={seconds}")


def x264(gop: int = 60, *, b_frames: int = 2) -> tuple[str, ...]:
    """Output options: H.264 as phones and cameras write it."""
    gops = ("-g", str(gop), "-keyint_min", str(min(gop, 25)), "-sc_threshold", "0")
    return (
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-profile:v", "main", "-bf", str(b_frames)),
        *gops,
    )


# -- what is copied


def h264_mp4(
    *,
    seconds: float = 2,
    size: str = "320x180",
    fps: str = "30",
    gop: int = 60,
    layout: str | None = "stereo",
    suffix: str = "mp4",
    faststart: bool = False,
    options: tuple[str, ...] = (),
) -> Path:
    """What browsers play as it is: H.264 and AAC (no sound for ``layout=None``)."""
    sound = tone(seconds, layout) if layout else ()
    flags = ("-movflags", "+faststart") if faststart else ()
    coded = ("-c:a", "aac") if layout else ()
    return make(suffix, *picture(seconds, size, fps), *sound, *x264(gop), *coded, *flags, *options)


def phone_h264_mov(*, seconds: float = 2) -> Path:
    """A phone held upright: stored 320 x 180, shown 180 x 320, with its place and its make."""
    return with_matrix(
        h264_mp4(seconds=seconds, suffix="mov", options=_phone_tags()), QUARTER_RIGHT
    )


def all_intra(*, seconds: float = 4) -> Path:
    """Every frame a keyframe, as some cameras write."""
    return h264_mp4(seconds=seconds, gop=1)


def vfr_mp4() -> Path:
    """30 frames a second of which every fifth is left out, as phones do in the dark."""
    return make(
        "mp4",
        *picture(2),
        *("-vf", "select='mod(n,5)'", "-vsync", "vfr"),
        *x264(),
        *("-video_track_timescale", "30000"),
    )


# -- what is encoded


def hevc_mp4(
    *, seconds: float = 2, size: str = "320x180", fps: str = "30", ten_bit: bool = False
) -> Path:
    """HEVC with AAC."""
    return make("mp4", *picture(seconds, size, fps), *tone(seconds), *_x265(ten_bit), "-c:a", "aac")


def two_hours() -> Path:
    """Of HEVC at one tiny picture a second: 200 KB, made in a second."""
    grey = "color=size=64x64:rate=1:duration=7200"
    return make("mov", "-f", "lavfi", "-i", grey, *_x265(False, "keyint=60"))


def hevc_of(clip: Path) -> Path:
    """Another clip in HEVC, its timestamps kept."""
    return make("mp4", "-i", str(clip), "-vsync", "passthrough", *_x265(False), "-an")


def phone_hevc_mov(*, seconds: float = 2, hdr: bool = True) -> Path:
    """A phone's high-efficiency clip: HEVC in 10 bits, HLG if ``hdr``, held upright, with its
    place and make, a time-code track and a second sound track."""
    tags = HLG_TAGS if hdr else "colorprim=bt709:transfer=bt709:colormatrix=bt709"
    clip = make(
        "mov",
        *picture(seconds),
        *tone(seconds),
        *tone(seconds, "mono"),
        *("-map", "0", "-map", "1", "-map", "2"),
        *_x265(True, tags),
        *("-c:a", "aac", "-timecode", "01:00:00:00"),
        *_phone_tags(),
    )
    return with_matrix(clip, QUARTER_RIGHT)


def grey_hdr(level: float, transfer: str) -> Path:
    """A quarter of a second of one grey in BT.2020.

    Args:
        level: signal, 0 to 1.
        transfer: "pq" or "hlg".
    """
    luma = round(64 + 876 * level)
    tags = PQ_TAGS if transfer == "pq" else HLG_TAGS
    return make(
        "mp4",
        *("-f", "lavfi", "-i", "color=black:size=64x64:rate=24:duration=0.25"),
        *("-vf", f"format=yuv420p10le,geq=lum={luma}:cb=512:cr=512"),
        *_x265(True, tags),
    )


def patches(*, full_range: bool = False, matrix: str = "bt709", codec: str = "hevc") -> Path:
    """A third each of black, white and red, of known range and matrix."""
    levels = "pc" if full_range else "tv"
    swscale = {"bt709": "bt709", "bt470bg": "bt470"}[matrix]
    draw = "drawbox=x=32:w=32:h=64:c=white:t=fill,drawbox=x=64:w=32:h=64:c=red:t=fill"
    flags = f"colorprim={matrix}:colormatrix={matrix}:transfer=bt709:crf=4"
    if codec == "hevc":
        span = "full" if full_range else "limited"
        coder = ("-c:v", "libx265", "-x265-params", f"{flags}:range={span}:log-level=none")
    else:
        span = "on" if full_range else "off"
        coder = ("-c:v", "libx264", "-x264-params", f"{flags}:fullrange={span}")
    return make(
        "mp4",
        *("-f", "lavfi", "-i", "color=black:size=96x64:rate=24:duration=0.5,format=rgb24"),
        *("-vf", f"{draw},scale=out_color_matrix={swscale}:out_range={levels},format=yuv420p"),
        *("-color_range", levels, "-preset", "ultrafast"),
        *coder,
    )


def anamorphic() -> Path:
    """DV-like: stored 180 x 144 with wide pixels, shown 240 x 144; H.264 all the same."""
    return make("mp4", *picture(2, "180x144"), *x264(), "-vf", "setsar=4/3")


def interlaced(*, fps: int = 25, bottom_first: bool = False) -> Path:
    """MPEG-2 in fields, top first unless asked otherwise: a bar that goes from left to right."""
    which, first = ("bottom", "bff") if bottom_first else ("top", "tff")
    rate = 2 * fps
    return make(
        "mkv",
        *("-f", "lavfi", "-i", f"color=black:size=352x288:rate={rate}:duration=2"),
        *("-f", "lavfi", "-i", f"color=white:size=40x288:rate={rate}:duration=2"),
        "-filter_complex",
        f"[0:v][1:v]overlay=x=150*t,tinterlace=interleave_{which},setfield={first}",
        *("-c:v", "mpeg2video", "-b:v", "4M", "-flags", "+ildct+ilme"),
        *("-top", "0" if bottom_first else "1"),
    )


def odd_size() -> Path:
    """161 x 121 in RGB, which 4:2:0 cannot hold."""
    return make("mkv", *picture(1, "161x121"), "-c:v", "ffv1", "-pix_fmt", "gbrp")


def with_codec(suffix: str, video: str, audio: str | None = None, *options: str) -> Path:
    """Any encoder that this FFmpeg has; ``audio=None`` leaves the sound out."""
    sound = (*tone(2), "-c:a", audio) if audio else ()
    # Input options first: FFmpeg reads in order.
    inputs, coder = (sound[:4], sound[4:]) if audio else ((), ())
    return make(suffix, *picture(2), *inputs, "-c:v", video, *coder, *options)


def open_end_mp4() -> Path:
    """A keyframe at the start and none for 8 s."""
    return h264_mp4(seconds=8, size="160x90", fps="15", gop=1000)


# -- containers with more in them


def two_sounds() -> Path:
    """The second of two sound tracks is the default one: mono there, stereo first."""
    return make(
        "mkv",
        *picture(2),
        *tone(2),
        *tone(2, "mono"),
        *("-map", "0", "-map", "1", "-map", "2"),
        *x264(),
        *("-c:a", "aac", "-disposition:a:0", "0", "-disposition:a:1", "default"),
    )


def cover() -> Path:
    """A picture such as music and videos carry."""
    return make("jpg", "-f", "lavfi", "-i", "color=red:size=640x640", "-frames:v", "1")


def cover_first() -> Path:
    """A cover in front of the moving picture, larger, the default, and called a video track."""
    return make(
        "mkv",
        *("-i", str(cover()), "-i", str(h264_mp4()), "-map", "0", "-map", "1"),
        *("-c", "copy", "-disposition:v:0", "default", "-disposition:v:1", "0"),
    )


def with_cover() -> Path:
    """A cover where MP4 keeps it, marked as one."""
    return make(
        "mp4",
        *("-i", str(h264_mp4()), "-i", str(cover()), "-map", "0", "-map", "1"),
        *("-c", "copy", "-disposition:v:1", "attached_pic"),
    )


def audio_only(*, with_cover: bool = False) -> Path:
    """A piece of music, with a cover if asked."""
    music = make("m4a", *tone(2), "-c:a", "aac")
    if not with_cover:
        return make("mp4", "-i", str(music), "-c", "copy")
    return make(
        "mp4",
        *("-i", str(music), "-i", str(cover()), "-map", "0", "-map", "1"),
        *("-c", "copy", "-disposition:v:0", "attached_pic"),
    )


def late_sound() -> Path:
    """The sound begins a second after the picture."""
    return make(
        "mkv",
        *picture(3),
        *("-itsoffset", "1"),
        *tone(2),
        *("-map", "0", "-map", "1"),
        *x264(),
        *("-c:a", "aac"),
    )


def flash_and_beep(coder: tuple[str, ...] = (), *, suffix: str = "mp4") -> Path:
    """Two seconds: dark and silent, then from 1 s on bright and loud."""
    return make(
        suffix,
        *("-f", "lavfi", "-i", "color=black:size=160x90:rate=30:duration=1"),
        *("-f", "lavfi", "-i", "color=white:size=160x90:rate=30:duration=1"),
        *("-f", "lavfi", "-i", "aevalsrc='0.5*gte(t,1)*sin(880*2*PI*t)':c=stereo:d=2"),
        *("-filter_complex", "[0:v][1:v]concat=n=2,format=yuv420p[v]"),
        *("-map", "[v]", "-map", "2:a"),
        *(coder or (*x264(), "-c:a", "aac")),
    )


def black_start(*, seconds: float = 2.5) -> Path:
    """Black for this long, then a picture for half a second; one keyframe."""
    return make(
        "mp4",
        *("-f", "lavfi", "-i", f"color=black:size=160x90:rate=30:duration={seconds}"),
        *picture(0.5, "160x90"),
        *("-filter_complex", "[0:v]format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]concat=n=2"),
        *x264(1000),
    )


def black_from(seconds: float) -> Path:
    """A picture for this long, then three seconds of black."""
    return make(
        "mp4",
        *picture(seconds, "160x90"),
        *("-f", "lavfi", "-i", "color=black:size=160x90:rate=30:duration=3"),
        *("-filter_complex", "[0:v]format=yuv420p[a];[1:v]format=yuv420p[b];[a][b]concat=n=2"),
        *x264(1000),
    )


def all_black() -> Path:
    return make("mp4", "-f", "lavfi", "-i", "color=black:size=160x90:duration=2", *x264())


def trimmed(*, gop: int = 300, layout: str | None = "stereo") -> Path:
    """Trimmed on a phone: the edit list hides frames before 1.5 s, which are still in the file."""
    whole = h264_mp4(seconds=3, gop=gop, layout=layout)
    return make("mp4", "-ss", "1.5", "-i", str(whole), "-c", "copy")


# -- subtitles


SUBTITLES = """1
00:00:00,500 --> 00:00:01,500
<i>Hello</i>
second line

2
00:00:01,600 --> 00:00:09,000
A & B <script>alert(1)</script> 1 < 2
"""


TYPESET = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:01.00,Default,,0,0,0,,{\\p1}m 0 0 l 100 0 100.5 -100 0 100{\\p0}
Dialogue: 0,0:00:01.00,0:00:01.50,Default,,0,0,0,,{\\pos(1,2)\\b1}Hi\\N\\N{\\b0}there\\hyou
Dialogue: 1,0:00:01.00,0:00:01.50,Default,,0,0,0,,{\\pos(1,2)\\b1}Hi\\N\\N{\\b0}there\\hyou
"""


def with_subtitles(
    suffix: str, codec: str, *languages: str, forced: int | None = None, start: int = 0
) -> Path:
    """Two seconds with ``SUBTITLES`` once for each language.

    Args:
        languages: as the container is to say them; "" for not at all.
        forced: index of the track that is meant for everybody.
        start: the file's first timestamp, in seconds.
    """
    flags: tuple[str, ...] = ("-disposition:s", "0") if suffix == "mkv" else ()
    if forced is not None:
        flags += (f"-disposition:s:{forced}", "forced")
    named = (
        word
        for n, language in enumerate(languages)
        if language
        for word in (f"-metadata:s:s:{n}", f"language={language}")
    )
    shifted = ("-output_ts_offset", str(start)) if start else ()
    texts = (SUBTITLES,) * len(languages)
    return with_texts(suffix, *texts, codec=codec, options=(*flags, *named, *shifted))


def with_texts(
    suffix: str, *texts: str, codec: str = "subrip", options: tuple[str, ...] = ()
) -> Path:
    """Two seconds with each of these texts, SubRip or SubStation Alpha, as a subtitle track."""
    inputs = [_text_file(text) for text in texts]
    return make(
        suffix,
        *picture(2, "160x90"),
        *(word for path in inputs for word in ("-i", str(path))),
        *(word for n in range(len(inputs) + 1) for word in ("-map", str(n))),
        *x264(),
        *("-c:s", codec),
        *options,
    )


@functools.cache
def with_encoded_text(text: str, encoding: str, codec: str = "subrip", language: str = "") -> Path:
    """Two seconds of mkv with a text in an encoding that Matroska does not allow, and one line of
    ASCII after it."""
    encoded = text.encode(encoding)
    stand_in = "Q" * len(encoded)
    named = ("-metadata:s:s:0", f"language={language}") if language else ()
    clip = with_texts(
        "mkv",
        f"1\n00:00:00,100 --> 00:00:00,900\n{stand_in}\n\n"
        "2\n00:00:01,000 --> 00:00:01,900\nNo accents here\n",
        codec=codec,
        options=named,
    )
    path = new_path("mkv", "encoded")
    path.write_bytes(clip.read_bytes().replace(stand_in.encode(), encoded))
    return path


def with_drawn_subtitles() -> Path:
    """Subtitles that are pictures, as on Blu-ray, beside ``SUBTITLES``."""
    return make(
        "mkv",
        *("-i", str(with_subtitles("mkv", "subrip", "eng")), "-i", str(_presentation_graphics())),
        *("-map", "0:v", "-map", "1", "-map", "0:s", "-c", "copy"),
    )


@functools.cache
def _presentation_graphics() -> Path:
    """HDMV PGS with nothing on it: a composition of no objects, at 0.5 and 1.5 s."""
    pieces = []
    for ticks in (45_000, 135_000):
        composition = struct.pack(">HHBHBBBB", 160, 90, 0x10, 0, 0x80, 0, 0, 0)
        for kind, data in ((0x16, composition), (0x80, b"")):
            pieces.append(b"PG" + struct.pack(">IIBH", ticks, 0, kind, len(data)) + data)
    path = new_path("sup")
    path.write_bytes(b"".join(pieces))
    return path


@functools.cache
def _text_file(text: str) -> Path:
    path = new_path("ass" if text.startswith("[") else "srt", "text")
    path.write_text(text)
    return path


# -- colours that can be checked


def thirds(
    suffix: str,
    *coder: str,
    size: str = "96x64",
    fps: str = "25",
    seconds: float = 0.4,
    pix_fmt: str = "yuv420p",
    layout: str | None = "stereo",
    matrix: str = "bt709",
    full_range: bool = False,
    filters: str = "",
) -> Path:
    """Black, white and red from left to right, as any coder writes it.

    Args:
        filters: what else happens to the picture, in front of the coder.
    """
    levels = "pc" if full_range else "tv"
    swscale = {"bt709": "bt709", "smpte170m": "smpte170m"}[matrix]
    drawn = "drawbox=x=iw/3:w=iw/3:h=ih:c=white:t=fill,drawbox=x=2*iw/3:w=iw/3+1:h=ih:c=red:t=fill"
    return make(
        suffix,
        *(
            "-f",
            "lavfi",
            "-i",
            f"color=black:size={size}:rate={fps}:duration={seconds},format=gbrp",
        ),
        *(tone(seconds, layout) if layout else ()),
        "-vf",
        f"{drawn},scale=out_color_matrix={swscale}:out_range={levels},format={pix_fmt}{filters}",
        *("-colorspace", matrix, "-color_primaries", matrix, "-color_trc", "bt709"),
        *("-color_range", levels, *coder),
    )


# -- time that can be seen


def brightening(
    *, seconds: float = 60, fps: str = "5", keyframe_seconds: int = 2, size: str = "64x36"
) -> Path:
    """Grey whose luma is 16 at the start and ``BRIGHTER`` more with each share of the length,
    fragmented as what is published."""
    luma = f"16+{BRIGHTER}*T/{seconds}"
    return make(
        "mp4",
        *("-f", "lavfi", "-i", f"nullsrc=size={size}:rate={fps}:duration={seconds}"),
        *("-vf", f"geq=lum='{luma}':cb=128:cr=128", *x264(10_000), "-crf", "10"),
        *("-force_key_frames", f"expr:gte(t,n_forced*{keyframe_seconds})"),
        *("-movflags", "+frag_keyframe+empty_moov+default_base_moof+dash"),
    )


BRIGHTER = 200


def repeated(clip: Path, times: int) -> Path:
    """A clip again and again, without encoding it."""
    return make(
        clip.suffix.lstrip("."),
        *("-stream_loop", str(times - 1), "-i", str(clip), "-c", "copy"),
        *("-movflags", "+frag_keyframe+empty_moov+default_base_moof+dash"),
    )


def started_at(clip: Path, seconds: float, suffix: str) -> Path:
    """A clip in another container, whose first timestamp is about this."""
    return make(suffix, "-i", str(clip), "-c", "copy", "-output_ts_offset", str(seconds))


# -- what is refused


@functools.cache
def truncated(clip: Path, share: float = 0.5) -> Path:
    """The first part of a clip."""
    path = new_path(clip.suffix.lstrip("."), "truncated")
    path.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * share)])
    return path


TEXTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{target}\n#EXT-X-ENDLIST\n",
    "m3u8-http": "#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>'
    "file://{target}</BaseURL></MPD>",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{target}"/></svg>',
    "text": "Dear all, this is not a video.\n" * 50,
    "html": "<!doctype html><title>404</title><p>Not found</p>",
}


def text_as_mp4(kind: str = "m3u8", target: Path | None = None) -> Path:
    """One of ``TEXTS``, which name other files, called .mp4. ``target`` is what it names."""
    path = new_path("mp4", kind)
    path.write_text(TEXTS[kind].replace("{target}", str(target or h264_mp4())))
    return path


def huge_picture() -> Path:
    """A few hundred kilobytes that decode to 67 million pixels."""
    source = "color=gray:size=8192x8192:rate=2:duration=1,format=gray"
    return make("mov", "-f", "lavfi", "-i", source, "-c:v", "png", "-pix_fmt", "gray")


# -- surgery


@functools.cache
def with_matrix(clip: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Gives the picture track of an MP4 or MOV another display matrix (a, b, c, d).

    In bytes, since the option for it differs between versions of FFmpeg.
    """
    data = bytearray(clip.read_bytes())
    # The first track header: ISO/IEC 14496-12, 8.3.2, version 0 has its matrix 44 bytes in.
    start = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (part * 0x10000 for part in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path = new_path(clip.suffix.lstrip("."), "turned")
    path.write_bytes(data)
    return path


def _phone_tags() -> tuple[str, ...]:
    tags = {
        "location": LOCATION,
        "com.apple.quicktime.location.ISO6709": LOCATION,
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 15",
        "creation_time": "2025-05-01T10:00:00Z",
    }
    words = (word for tag in tags.items() for word in ("-metadata", "=".join(tag)))
    return (*words, "-movflags", "use_metadata_tags")


def _x265(ten_bit: bool, tags: str = "") -> tuple[str, ...]:
    settings = ":".join(filter(None, (tags, "log-level=none", "pools=none")))
    return (
        *("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        *("-pix_fmt", "yuv420p10le" if ten_bit else "yuv420p", "-x265-params", settings),
    )


def heavy_mp4(megabytes: int) -> Path:
    """One second of H.264 that browsers play, as large as this and like no other: its frames carry
    random user data (H.264, D.1.7), which a decoder skips. Publishing replaces it by bytes that
    compress well; ``noisy_mp4`` has what stays. A new file each time.
    """
    path = new_path("mp4", "heavy")
    raw = make("h264", *picture(1), *x264(b_frames=0)).read_bytes()
    # Every NAL unit begins after 00 00 01; those of a picture's only slice have type 1 or 5.
    units = raw.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    slices = sum(unit[0] & 31 in {1, 5} for unit in units)
    weight = megabytes * 1_000_000 // slices
    heavy = bytearray()
    for unit in units:
        if unit[0] & 31 in {1, 5}:
            heavy += b"\0\0\0\1" + _user_data(weight)
        heavy += b"\0\0\0\1" + unit
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-r", "30", "-f", "h264", "-i", "-"]
    subprocess.run([*command, "-c", "copy", str(path)], input=heavy, check=True, timeout=60)
    return path


def _user_data(size: int) -> bytes:
    """An SEI unit of so many random bytes and a few more. None is 0, so that nothing in it looks
    like the beginning of a unit."""
    size += size % 255 == 0
    content = os.urandom(size).replace(b"\0", b"\1")
    return b"\x06\x05" + b"\xff" * (size // 255) + bytes([size % 255]) + content + b"\x80"


def noisy_mp4(megabytes: int) -> Path:
    """One second of H.264 that browsers play, as large as this and like no other, and published as
    it is: its samples are random. A new file each time."""
    path = new_path("mp4", "heavy")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-r", "30", "-f", "h264", "-i", "-"]
    raw = random_h264(megabytes)
    subprocess.run([*command, "-c", "copy", str(path)], input=raw, check=True, timeout=60)
    return path
