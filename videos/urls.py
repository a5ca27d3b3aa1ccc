"""Addresses of videos and of the pages that list them."""

from django.urls import path

from videos.views import browse, captions, health, media, playback, upload, watch, watching

urlpatterns = [
    path("", browse.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("upload/", upload.upload, name="upload"),
    path("categories/", browse.category_list, name="category_list"),
    path("categories/<slug:slug>/", browse.category, name="category"),
    path("profile/<username:username>/", browse.profile, name="profile"),
    path("v/<short_id:short_id>/", watch.watch, name="watch"),
    path("v/<short_id:short_id>/status/", watch.status, name="video_status"),
    path("v/<short_id:short_id>/edit/", watch.edit, name="video_edit"),
    path("v/<short_id:short_id>/delete/", watch.delete, name="video_delete"),
    path("v/<short_id:short_id>/retry/", watch.retry, name="video_retry"),
    path("v/<short_id:short_id>/download/", media.download, name="download"),
    path("v/<short_id:short_id>/cancel/", watch.cancel, name="video_cancel"),
    path("v/<short_id:short_id>/view/", watching.view, name="video_view"),
    path("v/<short_id:short_id>/captions/", captions.captions, name="video_captions"),
    path(
        "v/<short_id:short_id>/captions/<slug:code>/rename/",
        captions.rename,
        name="caption_rename",
    ),
    path(
        "v/<short_id:short_id>/captions/<slug:code>/default/",
        captions.choose_default,
        name="caption_default",
    ),
    path(
        "v/<short_id:short_id>/captions/<slug:code>/remove/",
        captions.remove,
        name="caption_remove",
    ),
    path("v/<short_id:short_id>/stream.mp4", media.stream, name="stream"),
    path("v/<short_id:short_id>/master.m3u8", playback.master, name="master_playlist"),
    path(
        "v/<short_id:short_id>/<rendition:rendition>.m3u8",
        playback.playlist,
        name="media_playlist",
    ),
    path(
        "v/<short_id:short_id>/<rendition:rendition>.mp4",
        playback.rendition_file,
        name="rendition",
    ),
    path("v/<short_id:short_id>/captions/<slug:code>.vtt", playback.captions_vtt, name="captions"),
    path(
        "v/<short_id:short_id>/captions/<slug:code>.m3u8",
        playback.captions_playlist,
        name="captions_playlist",
    ),
    path("v/<short_id:short_id>/storyboard.jpg", media.storyboard, name="storyboard"),
    path("v/<short_id:short_id>/storyboard.vtt", media.storyboard_vtt, name="storyboard_vtt"),
    path("v/<short_id:short_id>/thumbnail.jpg", media.thumbnail, name="thumbnail"),
]
