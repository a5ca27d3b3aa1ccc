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

# These go through form, worker and page.
THROUGH_THE_SITE = (
    "playlist-of-a-local-film.mp4",
    "playlist-of-a-server.mkv",
    "playlist-in-front-of-a-film.mp4",
    "ffconcat-of-a-secret.mov",
    "ffconcat-of-a-server.mkv",
    "dash-with-an-entity.mkv",
    "svg-with-a-local-picture.mp4",
    "xbin-picture.mp4",
    "page-with-a-script.mp4",
    "sound-alone.mp4",
    "zip-of-films.mp4",
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
    "playlist-of-a-local-film-as-subtitles.avi",
    "edit-beyond-the-end.mp4",
)

# Others of their sort go to the end in every run; these with --long only.
VARIANTS = (
    "ten-thousand-edits.mp4",
    "handler-name-of-300-kilobytes.mp4",
    "clock-that-stands.mp4",
    "matrix-of-extremes.mp4",
    "frames-backwards.mp4",
    "two-movie-boxes.mp4",
    "sample-table-of-no-size.mp4",
    "four-billion-samples-in-a-chunk.mp4",
    "pixels-of-no-shape.mp4",
    "edit-with-negative-start.mp4",
    "title-of-control-characters.mp4",
    "time-base-of-zero.mkv",
    "endless-duration.mkv",
    "negative-duration.mkv",
    "rate-of-zero.avi",
    "description-of-65535-by-65535.mp4",
    "clock-of-four-billion-ticks.mp4",
    "no-time-between-frames.avi",
    "frames-a-day-apart.mp4",
    "styled-text-as-subtitles.avi",
    "stripped-headers-of-a-megabyte.mkv",
    "picture-upside-down.avi",
    "line-of-8000-by-2.mkv",
    "two-by-two-pixels.mkv",
    "gray-in-sixteen-bits.mkv",
    "duration-of-an-age.mp4",
    "a-million-frames-a-second.mp4",
    "private-data-of-a-gigabyte.mkv",
    "cues-beyond-the-end.mkv",
    "attached-font-of-a-megabyte.mkv",
    "playlist-of-a-server-as-subtitles.avi",
    "ffconcat-as-subtitles.avi",
    "seek-head-that-points-to-itself.mkv",
    "picture-of-no-size.mkv",
    "cluster-at-the-end-of-time.mkv",
    "void-of-an-exabyte.mkv",
    "start-at-four-billion.avi",
    "scale-of-zero.avi",
    "document-type-of-a-script.mkv",
    "default-duration-of-one-nanosecond.mkv",
    "time-base-of-one-nanosecond.mkv",
    "frames-before-zero.mkv",
    "chapters-with-scripts.mkv",
    "encrypted-with-a-key-from-a-server.mp4",
    "one-frame-a-minute.mp4",
    "matrix-of-zeros.mp4",
    "ten-channels.mkv",
    "packed-frames.mkv",
)
assert KINDS.keys() >= {*THROUGH_THE_SITE, *VARIANTS}
