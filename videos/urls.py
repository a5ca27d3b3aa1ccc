"""Addresses of videos and of the pages that list them."""

from django.urls import path

from videos.views import (
    browse,
    captions,
    comments,
    design,
    guest_links,
    guest_page,
    health,
    images,
    likes,
    media,
    member_moderation,
    members,
    moderation,
    notifications,
    playback,
    playlists,
    reports,
    reviews,
    trash,
    tus,
    upload,
    watch,
    watch_progress,
)

# Files that a player requests: below the video's address for members, and with the same names below
# a guest link.
FILES = (
    ("stream.mp4", media.stream, "stream"),
    ("master.m3u8", playback.master, "master_playlist"),
    ("<rendition:rendition>.m3u8", playback.playlist, "media_playlist"),
    ("<rendition:rendition>.init.mp4", playback.initialisation, "initialisation"),
    ("<rendition:rendition>.sound-<int:sound>.m3u8", playback.playlist, "sound_playlist"),
    (
        "<rendition:rendition>.sound-<int:sound>.init.mp4",
        playback.initialisation,
        "sound_initialisation",
    ),
    ("<rendition:rendition>.mp4", playback.rendition_file, "rendition"),
    ("captions/<slug:code>.vtt", playback.captions_vtt, "captions"),
    ("captions/<slug:code>.m3u8", playback.captions_playlist, "captions_playlist"),
    ("storyboard.jpg", media.storyboard, "storyboard"),
    ("storyboard.vtt", media.storyboard_vtt, "storyboard_vtt"),
    ("thumbnail.jpg", media.thumbnail, "thumbnail"),
)

urlpatterns = [
    path("", browse.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("design/", design.design, name="design"),
    path("unfinished/", browse.processing_cards, name="processing_cards"),
    path("upload/", upload.upload, name="upload"),
    path(
        "upload/playlist/<short_id:short_id>/discard/",
        upload.playlist_discard,
        name="upload_playlist_discard",
    ),
    path("uploads/", tus.uploads, name="uploads"),
    path("uploads/<str:upload_id>/", tus.one_upload, name="one_upload"),
    path("categories/", browse.category_list, name="category_list"),
    path("categories/<slug:slug>/", browse.category, name="category"),
    path("categories/<slug:slug>/cover.webp", images.cover, name="category_cover"),
    path("playlist/<short_id:short_id>/", playlists.playlist, name="playlist"),
    path("playlist/<short_id:short_id>/edit/", playlists.edit, name="playlist_edit"),
    path("playlist/<short_id:short_id>/delete/", playlists.delete, name="playlist_delete"),
    path("playlist/<short_id:short_id>/undelete/", playlists.undelete, name="playlist_undelete"),
    path("playlist/<short_id:short_id>/move/", playlists.move, name="playlist_move"),
    path("playlist/<short_id:short_id>/remove/", playlists.remove, name="playlist_remove"),
    path("playlist/<short_id:short_id>/restore/", playlists.restore, name="playlist_restore"),
    path("playlists/", playlists.playlists, name="playlists"),
    path("trash/", trash.trash, name="trash"),
    path("liked/", browse.liked, name="liked"),
    path("users/", members.directory, name="directory"),
    path("profile/<username:username>/", browse.profile, name="profile"),
    path("profile/<username:username>/avatar.webp", images.avatar, name="avatar"),
    path("profile/<username:username>/report/", reports.member, name="member_report"),
    # What staff do with a member.
    path(
        "profile/<username:username>/moderate/deactivate/",
        member_moderation.deactivate,
        name="moderate_deactivate",
    ),
    path(
        "profile/<username:username>/moderate/activate/",
        member_moderation.activate,
        name="moderate_activate",
    ),
    path(
        "profile/<username:username>/moderate/limit/",
        member_moderation.limit,
        name="moderate_limit",
    ),
    path(
        "profile/<username:username>/moderate/reset/",
        member_moderation.reset,
        name="moderate_reset",
    ),
    path("reports/", reports.reports, name="reports"),
    path("notices/", notifications.notifications, name="notifications"),
    path("notices/read/", notifications.read_all, name="notifications_read"),
    path("notices/<int:notification_id>/", notifications.notification, name="notification"),
    # One video.
    path("v/<short_id:short_id>/", watch.watch, name="watch"),
    path("v/<short_id:short_id>/status/", watch.status, name="video_status"),
    path("v/<short_id:short_id>/view/", watch_progress.view, name="video_view"),
    path("v/<short_id:short_id>/like/", likes.like, name="like"),
    path("v/<short_id:short_id>/playlists/", playlists.save, name="video_playlists"),
    path("v/<short_id:short_id>/edit/", watch.edit, name="video_edit"),
    path("v/<short_id:short_id>/delete/", trash.delete, name="video_delete"),
    path("v/<short_id:short_id>/restore/", trash.restore, name="video_restore"),
    path("v/<short_id:short_id>/delete-for-good/", trash.empty, name="video_delete_for_good"),
    path("v/<short_id:short_id>/report/", reports.video, name="video_report"),
    path("v/<short_id:short_id>/review/", reviews.ask, name="video_review"),
    path("v/<short_id:short_id>/retry/", watch.retry, name="video_retry"),
    path("v/<short_id:short_id>/cancel/", watch.cancel, name="video_cancel"),
    *(path(f"v/<short_id:short_id>/{route}", view, name=name) for route, view, name in FILES),
    path("v/<short_id:short_id>/thumbnail-640.webp", media.small_thumbnail, name="small_thumbnail"),
    path("v/<short_id:short_id>/download/", media.download, name="download"),
    # What staff do with it.
    path("v/<short_id:short_id>/moderate/", moderation.menu, name="moderate"),
    path("v/<short_id:short_id>/moderate/hide/", moderation.hide, name="moderate_hide"),
    path("v/<short_id:short_id>/moderate/unhide/", moderation.unhide, name="moderate_unhide"),
    path("v/<short_id:short_id>/moderate/move/", moderation.move, name="moderate_move"),
    path(
        "v/<short_id:short_id>/moderate/thumbnail/",
        moderation.thumbnail,
        name="moderate_thumbnail",
    ),
    path("v/<short_id:short_id>/moderate/answer/", moderation.answer, name="moderate_answer"),
    path(
        "v/<short_id:short_id>/moderate/comments/<int:comment_id>/hide/",
        comments.hide,
        name="moderate_comment_hide",
    ),
    path(
        "v/<short_id:short_id>/moderate/comments/<int:comment_id>/unhide/",
        comments.unhide,
        name="moderate_comment_unhide",
    ),
    # Its captions.
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
        "v/<short_id:short_id>/captions/<slug:code>/publish/",
        captions.publish,
        name="caption_publish",
    ),
    path(
        "v/<short_id:short_id>/captions/<slug:code>/remove/",
        captions.remove,
        name="caption_remove",
    ),
    path(
        "v/<short_id:short_id>/captions/removed/<int:caption_id>/restore/",
        captions.restore,
        name="caption_restore",
    ),
    # Its comments.
    path("v/<short_id:short_id>/comments/", comments.comments, name="comments"),
    path("v/<short_id:short_id>/comments/<int:comment_id>/", comments.comment, name="comment"),
    path(
        "v/<short_id:short_id>/comments/<int:comment_id>/reply/",
        comments.reply,
        name="comment_reply",
    ),
    path(
        "v/<short_id:short_id>/comments/<int:comment_id>/edit/",
        comments.edit,
        name="comment_edit",
    ),
    path(
        "v/<short_id:short_id>/comments/<int:comment_id>/delete/",
        comments.delete,
        name="comment_delete",
    ),
    path(
        "v/<short_id:short_id>/comments/<int:comment_id>/restore/",
        comments.restore,
        name="comment_restore",
    ),
    path(
        "v/<short_id:short_id>/comments/<int:comment_id>/report/",
        reports.comment,
        name="comment_report",
    ),
    # Its guest links.
    path("v/<short_id:short_id>/share/", guest_links.guest_links, name="video_guest_links"),
    path(
        "v/<short_id:short_id>/share/<uuid:link_id>/revoke/",
        guest_links.revoke,
        name="guest_link_revoke",
    ),
    path(
        "v/<short_id:short_id>/share/<uuid:link_id>/restore/",
        guest_links.restore,
        name="guest_link_restore",
    ),
    # The page behind a guest link.
    path("s/<token:token>/", guest_page.watch, name="guest"),
    path("s/<token:token>/status/", guest_page.status, name="guest_status"),
    path("s/<token:token>/view/", guest_page.view, name="guest_view"),
    *(
        path(f"s/<token:token>/{route}", guest_page.for_guests(view), name=f"guest_{name}")
        for route, view, name in FILES
    ),
]
