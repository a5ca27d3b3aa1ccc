"""HLS playlists and renditions. Every request is checked against the rights at this moment.

Addresses in a playlist are relative, so that they are valid below each address where it is served,
and contain the attempt that made the file, so that a player never mixes bytes of two attempts.
`address` is the part of the address that names the video: see videos.access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from videos.access import viewable_video
from videos.file_responses import MAX_RANGE_BYTES, file_response
from videos.selectors.playback import (
    Playable,
    check_storage,
    initialisation_of,
    playable_rendition,
    playable_renditions,
    with_sounds,
)
from videos.transcode.hls import (
    AudioRendition,
    CaptionRendition,
    Variant,
    master_playlist,
    media_playlist,
    subtitle_playlist,
)
from videos.transcode.languages import UNKNOWN
from videos.transcode.rates import sound_bandwidth
from videos.transcode.sound_tracks import sound_label

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from videos.models import Caption, Video

PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"
# For a complete file at an address that changes with its contents.
CACHE_FOR_A_WEEK: Final = "private, max-age=604800, immutable"


@require_safe
def master(request: HttpRequest, **address: str) -> HttpResponse:
    """The master playlist: the renditions, captions and sounds to choose from (RFC 8216, section
    4.3.4)."""
    video = viewable_video(request, **address)
    playable = playable_renditions(video)
    if not playable:
        check_storage(video)
        raise Http404("Nothing to play yet.")
    heard = with_sounds(playable)
    variants = [_variant(one, heard) for one in playable]
    tracks = [_track(caption) for caption in video.captions.served().defer("body")]
    sounds = _sounds(heard) if heard else []
    return HttpResponse(master_playlist(variants, tracks, sounds), content_type=PLAYLIST_TYPE)


def _variant(one: Playable, heard: Playable | None) -> Variant:
    """`heard`: the rendition whose sounds all variants play."""
    rendition = one.rendition
    codecs = one.codecs.split(",")
    sound = 0
    if heard is not None:
        codecs += [*heard.codecs.split(",")[1:], *(track.codec for track in heard.sounds)]
        # Its own bandwidth contains the sound already.
        sound = 0 if one is heard else sound_bandwidth(heard.index)
    return Variant(
        uri=f"{rendition.name}.m3u8?v={rendition.version}",
        width=rendition.width,
        height=rendition.height,
        fps=rendition.fps,
        codecs=",".join(dict.fromkeys(filter(None, codecs))),
        bandwidth=rendition.bandwidth + sound,
        average_bandwidth=rendition.average_bandwidth + sound,
        video_range=rendition.video_range,
        supplemental_codecs=rendition.supplemental_codecs,
        has_independent_fragments=rendition.has_independent_fragments,
    )


def _sounds(heard: Playable) -> list[AudioRendition]:
    rendition = heard.rendition
    return [
        AudioRendition(
            uri=f"{rendition.name}.sound-{track.number}.m3u8?v={rendition.version}",
            language="" if track.language == UNKNOWN else track.language,
            name=sound_label(track.language, track.title, number=place),
            default=place == 1,
            channels=track.channels,
        )
        for place, track in enumerate(heard.sounds, start=1)
    ]


def _track(caption: Caption) -> CaptionRendition:
    return CaptionRendition(
        uri=f"captions/{caption.code}.m3u8",
        language=caption.language,
        name=caption.label,
        default=caption.is_default,
    )


@require_safe
def playlist(
    request: HttpRequest, rendition: str, sound: int | None = None, **address: str
) -> HttpResponse:
    """The media playlist with all complete fragments (RFC 8216, section 4.3.3), or that of the
    sound with this track number.

    Its type is EVENT while the rendition is being made, then VOD.
    """
    one = _requested(request, viewable_video(request, **address), rendition, sound)
    name, version = one.rendition.name, one.rendition.version
    track = f"{name}.sound-{sound}" if sound else name
    text = media_playlist(
        one.index,
        uri=f"{name}.mp4?v={version}",
        initialisation_uri=f"{track}.init.mp4?v={version}",
        ended=one.rendition.is_complete,
        sound=sound,
        independent=one.rendition.has_independent_fragments,
    )
    return HttpResponse(text, content_type=PLAYLIST_TYPE)


@require_safe
def initialisation(
    request: HttpRequest, rendition: str, sound: int | None = None, **address: str
) -> HttpResponse:
    """What a player needs in front of the fragments of a rendition or of one of its sounds (RFC
    8216, section 3.3).

    It is the same while the rendition is being made, when it is complete, and when it is finalised.
    """
    one = _requested(request, viewable_video(request, **address), rendition, sound)
    content = initialisation_of(one, sound=sound)
    if content is None:
        raise Http404("The rendition is gone.")
    cache = CACHE_FOR_A_WEEK if "v" in request.GET else "private, no-cache"
    return HttpResponse(content, content_type="video/mp4", headers={"Cache-Control": cache})


@require_safe
def rendition_file(request: HttpRequest, rendition: str, **address: str) -> HttpResponseBase:
    """The file of a rendition, also while it is being made."""
    one = _requested(request, viewable_video(request, **address), rendition)
    is_final = one.rendition.is_complete and request.GET.get("v") == one.rendition.version
    return file_response(
        request,
        one.rendition.path,
        content_type="video/mp4",
        cache_control=CACHE_FOR_A_WEEK if is_final else "private, no-cache",
        max_range=MAX_RANGE_BYTES,
        may_grow=True,
        is_growing=not one.rendition.is_complete,
    )


def _requested(request: HttpRequest, video: Video, name: str, sound: int | None = None) -> Playable:
    """The rendition of this name, from the attempt that `?v=` names if there is one.

    With `sound`, only if it has a sound with this track number to choose.
    """
    one = playable_rendition(video, name)
    if one is None:
        check_storage(video)
    version = request.GET.get("v")
    if one is None or (version is not None and version != one.rendition.version):
        raise Http404("No such rendition.")
    if sound is not None and sound not in {track.number for track in one.sounds}:
        raise Http404("No such sound.")
    return one


@require_safe
def captions_vtt(request: HttpRequest, code: str, **address: str) -> HttpResponse:
    """A caption track as WebVTT."""
    video = viewable_video(request, **address)
    caption = get_object_or_404(video.captions.served(), code=code)
    return HttpResponse(caption.body, content_type="text/vtt; charset=utf-8")


@require_safe
def captions_playlist(request: HttpRequest, code: str, **address: str) -> HttpResponse:
    """The media playlist of a caption track: one segment, as long as the video."""
    video = viewable_video(request, **address)
    caption = get_object_or_404(video.captions.served(), code=code)
    text = subtitle_playlist(f"{caption.code}.vtt", duration=video.duration_seconds or 0)
    return HttpResponse(text, content_type=PLAYLIST_TYPE)
