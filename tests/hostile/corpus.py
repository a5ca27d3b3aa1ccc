"""All kinds of hostile files by name."""

from __future__ import annotations

from tests.hostile import avi, matroska, media, mp4, texts
from tests.hostile.bait import Kind

KINDS: dict[str, Kind] = {
    name: kind
    for group in (texts.KINDS, mp4.KINDS, matroska.KINDS, avi.KINDS, media.KINDS)
    for name, kind in group.items()
}
assert len(KINDS) == sum(map(len, (texts.KINDS, mp4.KINDS, matroska.KINDS, avi.KINDS, media.KINDS)))

# These are uploaded to a site and processed by its workers (test_site.py).
THROUGH_THE_SITE = (
    "playlist-of-a-local-video.mp4",
    "playlist-of-a-server.mkv",
    "playlist-in-front-of-a-video.mp4",
    "ffconcat-of-a-secret.mov",
    "ffconcat-of-a-server.mkv",
    "dash-with-an-entity.mkv",
    "svg-with-a-local-picture.mp4",
    "xbin-picture.mp4",
    "page-with-a-script.mp4",
    "sound-alone.mp4",
    "zip-of-videos.mp4",
    "huge-png.mp4",
    "nothing-but-a-movie-box.mp4",
    "movie-box-beyond-the-end.mp4",
    "five-thousand-tracks.mp4",
    "nested-movie-boxes.mp4",
    "four-billion-chunks.mp4",
    "png-of-16000-by-16000-called-64.mov",
    "media-in-a-local-file-by-alias.mov",
    "media-on-a-server.mp4",
    "all-frames-at-zero.mkv",
    "pixels-four-billion-wide.mp4",
    "title-with-a-script.mp4",
    "script-in-every-tag.mp4",
    "title-of-ten-megabytes.mp4",
    "codec-named-by-a-script.mkv",
    "attached-playlist.mkv",
    "subtitles-with-a-script-inside.mkv",
    "packed-frames-of-128-megabytes.mkv",
    "playlist-of-a-local-video-as-subtitles.avi",
    "edit-beyond-the-end.mp4",
)

# Of these, a default run takes those that a site has to handle beyond FFmpeg's answer: scripts and
# secrets that could come out on a page, values that could break a row, a refusal of each container.
# The others run with --long; test_corpus.py plans each of them in every run.
THROUGH_THE_SITE_EACH_TIME = {
    "playlist-of-a-local-video.mp4",
    "sound-alone.mp4",
    "nothing-but-a-movie-box.mp4",
    "pixels-four-billion-wide.mp4",
    "script-in-every-tag.mp4",
    "title-of-ten-megabytes.mp4",
    "attached-playlist.mkv",
    "subtitles-with-a-script-inside.mkv",
}

assert KINDS.keys() >= set(THROUGH_THE_SITE) >= THROUGH_THE_SITE_EACH_TIME
