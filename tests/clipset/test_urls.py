"""Every address of the site with every kind of visitor.

A new URL pattern fails `test_every_url_has_a_line_in_the_table` until it has its lines here.
"""

from __future__ import annotations

import functools
import io
import uuid
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler
from django.urls import get_resolver, resolve, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone
from PIL import Image

from accounts.models import Invitation, Role, User, stored_key
from accounts.services.invitations import issue_invitation
from accounts.services.passwords import reset_link
from categories.models import Category
from clipset.lib.ids import hash_token, new_token
from clipset.lib.keyset import encode_cursor
from clipset.lib.pictures import write_whole
from siteconfig.models import AuditEntry, BackupRun, Config, DoctorRun
from tests.browser.pages import PAGES
from tests.builders import (
    make_admin,
    make_category,
    make_moderator,
    make_playlist,
    make_user,
    make_video,
)
from tests.videos.transcode import built
from videos.models import (
    Caption,
    Comment,
    DailyStatistics,
    GuestLink,
    Job,
    Notification,
    Playlist,
    Removal,
    RemovalReason,
    Rendition,
    Report,
    ReviewRequest,
    Video,
)
from videos.services.comments import delete_comment, write_comment
from videos.services.playlists import add_to_playlist
from videos.services.reports import report_video
from videos.services.uploads.create import begin_upload
from videos.transcode.sound_tracks import SoundTrack, stored_tracks
from videos.transcode.storyboard import plan_storyboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.http import HttpResponse

pytestmark = [pytest.mark.django_db, pytest.mark.ffmpeg]

VISITORS = ("anonymous", "member", "uploader", "moderator", "admin", "deactivated")
Status: TypeAlias = int | str

IN = "log-in"  # led to the log-in and back again after it; a script gets 401
TO_ADMIN = "admin log-in"  # inside /admin/ Django's own redirect stands
# Common results: of an anonymous and a deactivated visitor, and of all members.
ALL, NOBODY = (IN, 200, 200, 200, 200, IN), (IN, 404, 404, 404, 404, IN)
DONE = (IN, 302, 302, 302, 302, IN)
PUBLIC = (200,) * 6
UPLOADER_AND_STAFF = (IN, 404, 200, 200, 200, IN)
MAKER, MAKER_DONE = (IN, 404, 200, 404, 404, IN), (IN, 404, 302, 404, 404, IN)
POST_ONLY = (IN, 405, 405, 405, 405, IN)
STAFF, STAFF_DONE = (IN, 404, 404, 200, 200, IN), (IN, 404, 404, 302, 302, IN)
NONE = (404,) * 6
# Guest links that do not open a video.
CLOSED = (
    *("run_out", "revoked", "of_hidden", "of_trashed", "of_processing", "of_gone", "unknown"),
)

# URL name -> lines: the request, and the results for an anonymous visitor, another member, the
# uploader (of the video, image or session), a moderator, an admin and a deactivated uploader.
TABLE: dict[str, list[tuple[str, tuple[Status, ...]]]] = {
    # -- Videos
    "home": [
        ("GET /", ALL),
        ("GET /?category=music&sort=views&q=holiday", ALL),
        ("GET /?category=none", NOBODY),
    ],
    "processing_cards": [
        ("GET /unfinished/", ALL),
        ("GET /unfinished/?video={processing}.0&video=nonsense&video=%00.%00&since=x", ALL),
    ],
    "category_list": [("GET /categories/", ALL)],
    "category": [("GET /categories/music/", ALL), ("GET /categories/none/", NOBODY)],
    "category_cover": [
        ("GET /categories/music/cover.webp", ALL),
        ("GET /categories/bare/cover.webp", NOBODY),
        ("GET /categories/none/cover.webp", NOBODY),
    ],
    "directory": [("GET /users/", ALL), ("GET /users/?q=bob&after=nonsense", ALL)],
    "profile": [
        ("GET /profile/bob/", ALL),
        ("GET /profile/BOB/", ALL),
        ("GET /profile/bob/?tab=playlists&after=nonsense", ALL),
        ("GET /profile/nobody/", NOBODY),
        ("GET /profile/bob/?trashed={trashed}", ALL),
        ("GET /profile/bob/?trashed=nonsense%00", ALL),
    ],
    "watch": [
        ("GET /v/{trashed}/", UPLOADER_AND_STAFF),
        ("GET /v/{trashed}/?playlist={playlist}", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/", ALL),
        ("GET /v/{ready}/?playlist={playlist}", ALL),
        ("GET /v/{ready}/?playlist=nonsense%00", ALL),
        ("GET /v/{hidden}/?playlist={playlist}", UPLOADER_AND_STAFF),
        ("GET /v/{hidden}/", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/", UPLOADER_AND_STAFF),
        ("GET /v/{failed}/", UPLOADER_AND_STAFF),
        ("GET /v/0000000000/", NOBODY),
    ],
    "video_status": [
        ("GET /v/{ready}/status/", ALL),
        ("GET /v/{hidden}/status/", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/status/", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/status/", UPLOADER_AND_STAFF),
        ("GET /v/{failed}/status/", UPLOADER_AND_STAFF),
        ("GET /v/0000000000/status/", NOBODY),
    ],
    # The video and the playlists are by bob, the comment is by charlie: nobody reports their own.
    "video_report": [
        ("GET /v/{ready}/report/", (IN, 200, 404, 200, 200, IN)),
        ("GET /v/{hidden}/report/", (IN, 404, 404, 200, 200, IN)),
        ("POST /v/{ready}/report/ reason=UNFIT", (IN, 302, 404, 302, 302, IN)),
        ("POST /v/{ready}/report/ reason=OTHER", (IN, 422, 404, 422, 422, IN)),
        ("POST /v/{hidden}/report/ reason=UNFIT", (IN, 404, 404, 302, 302, IN)),
        ("GET /v/0000000000/report/", NOBODY),
    ],
    "comment_report": [
        ("GET /v/{ready}/comments/{comment}/report/", (IN, 404, 200, 200, 200, IN)),
        ("POST /v/{ready}/comments/{comment}/report/ reason=UNFIT", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/comments/{comment}/report/ reason=no", (IN, 404, 422, 422, 422, IN)),
        ("GET /v/{ready}/comments/{deleted_comment}/report/", NOBODY),
        ("GET /v/{ready}/comments/{hidden_comment}/report/", NOBODY),
        ("GET /v/{hidden}/comments/{hidden_comment}/report/", (IN, 404, 200, 200, 200, IN)),
    ],
    "member_report": [
        ("GET /profile/bob/report/", (IN, 200, 404, 200, 200, IN)),
        ("GET /profile/BOB/report/", (IN, 200, 404, 200, 200, IN)),
        ("POST /profile/bob/report/ reason=UNFIT", (IN, 302, 404, 302, 302, IN)),
        ("GET /profile/root/report/", (IN, 200, 200, 200, 404, IN)),
        ("POST /profile/root/report/ reason=UNFIT", (IN, 422, 422, 422, 404, IN)),  # the only admin
        ("GET /profile/nobody/report/", NOBODY),
    ],
    "moderate_deactivate": [
        ("GET /profile/bob/moderate/deactivate/", POST_ONLY),
        ("POST /profile/bob/moderate/deactivate/", STAFF_DONE),
        ("POST /profile/mona/moderate/deactivate/", (IN, 404, 404, 404, 302, IN)),
        ("POST /profile/root/moderate/deactivate/", NOBODY),
        ("POST /profile/nobody/moderate/deactivate/", NOBODY),
    ],
    "moderate_activate": [
        ("GET /profile/gone/moderate/activate/", POST_ONLY),
        ("POST /profile/gone/moderate/activate/", STAFF_DONE),
        ("POST /profile/mona/moderate/activate/", (IN, 404, 404, 404, 302, IN)),
    ],
    "moderate_limit": [
        ("GET /profile/bob/moderate/limit/", POST_ONLY),
        ("POST /profile/bob/moderate/limit/ limit=1 GB", STAFF_DONE),
        ("POST /profile/bob/moderate/limit/", STAFF_DONE),
        ("POST /profile/bob/moderate/limit/ limit=much", (IN, 404, 404, 422, 422, IN)),
        ("POST /profile/mona/moderate/limit/ limit=1 GB", (IN, 404, 404, 404, 302, IN)),
    ],
    "moderate_reset": [
        ("GET /profile/bob/moderate/reset/", POST_ONLY),
        ("POST /profile/bob/moderate/reset/", STAFF_DONE),
        ("POST /profile/mona/moderate/reset/", (IN, 404, 404, 404, 302, IN)),
    ],
    "reports": [("GET /reports/", ALL), ("GET /reports/?after=nonsense", ALL)],
    "stream": [
        ("GET /v/{ready}/stream.mp4", ALL),
        ("GET /v/{hidden}/stream.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/stream.mp4", NOBODY),
        ("GET /v/{failed}/stream.mp4", NOBODY),
        ("GET /v/{lost}/stream.mp4", NOBODY),
    ],
    "download": [
        ("GET /v/{ready}/download/", ALL),
        ("GET /v/{hidden}/download/", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/download/", NOBODY),
        ("GET /v/{failed}/download/", NOBODY),
    ],
    "master_playlist": [
        ("GET /v/{ready}/master.m3u8", ALL),
        ("GET /v/{hidden}/master.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/master.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/master.m3u8", NOBODY),
        ("GET /v/{failed}/master.m3u8", NOBODY),
        ("GET /v/{lost}/master.m3u8", NOBODY),
    ],
    "media_playlist": [
        ("GET /v/{ready}/720p.m3u8", ALL),
        ("GET /v/{hidden}/720p.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/720p.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/1080p.m3u8", NOBODY),
        ("GET /v/{ready}/720p.m3u8?v=another", NOBODY),
        ("GET /v/{pending}/720p.m3u8", NOBODY),
    ],
    "initialisation": [
        ("GET /v/{ready}/720p.init.mp4", ALL),
        ("GET /v/{hidden}/720p.init.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/720p.init.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/720p.init.mp4", NOBODY),
        ("GET /v/{ready}/source.init.mp4", NOBODY),
        ("GET /v/{ready}/720p.init.mp4?v=another", NOBODY),
    ],
    "sound_playlist": [
        ("GET /v/{ready}/720p.sound-3.m3u8", ALL),
        ("GET /v/{hidden}/720p.sound-3.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/720p.sound-3.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/720p.sound-1.m3u8", NOBODY),
        ("GET /v/{ready}/720p.sound-99999999999999999999.m3u8", NOBODY),
        ("GET /v/{ready}/720p.sound-3.m3u8?v=another", NOBODY),
        ("GET /v/{pending}/720p.sound-3.m3u8", NOBODY),
    ],
    "sound_initialisation": [
        ("GET /v/{ready}/720p.sound-3.init.mp4", ALL),
        ("GET /v/{hidden}/720p.sound-3.init.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/720p.sound-3.init.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/720p.sound-4.init.mp4", NOBODY),
        ("GET /v/{ready}/720p.sound-3.init.mp4?v=another", NOBODY),
    ],
    "rendition": [
        ("GET /v/{ready}/720p.mp4", ALL),
        ("GET /v/{hidden}/720p.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{processing}/720p.mp4", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/source.mp4", NOBODY),
        ("GET /v/{ready}/720p.mp4?v=another", NOBODY),
    ],
    "captions": [
        ("GET /v/{ready}/captions/en.vtt", ALL),
        ("GET /v/{hidden}/captions/en.vtt", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/captions/de.vtt", NOBODY),
    ],
    "captions_playlist": [
        ("GET /v/{ready}/captions/en.m3u8", ALL),
        ("GET /v/{hidden}/captions/en.m3u8", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/captions/de.m3u8", NOBODY),
    ],
    "video_captions": [
        ("GET /v/{ready}/captions/", UPLOADER_AND_STAFF),
        ("GET /v/{hidden}/captions/", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/captions/", NOBODY),
        ("POST /v/{ready}/captions/ captions=srt&language=de", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/captions/ language=de", (IN, 404, 422, 422, 422, IN)),
        ("POST /v/{pending}/captions/ captions=srt&language=de", NOBODY),
    ],
    "caption_rename": [
        ("GET /v/{ready}/captions/en/rename/", POST_ONLY),
        ("POST /v/{ready}/captions/en/rename/ label=New", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/captions/en/rename/ label=", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/captions/de/rename/ label=New", NOBODY),
    ],
    "caption_default": [
        ("GET /v/{ready}/captions/en/default/", POST_ONLY),
        ("POST /v/{ready}/captions/en/default/ chosen=yes", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/captions/de/default/", NOBODY),
    ],
    "caption_publish": [
        ("GET /v/{ready}/captions/en/publish/", POST_ONLY),
        ("POST /v/{ready}/captions/en/publish/ published=yes", (IN, 404, 302, 404, 404, IN)),
        ("POST /v/{ready}/captions/de/publish/", NOBODY),
    ],
    "caption_remove": [
        ("GET /v/{ready}/captions/en/remove/", POST_ONLY),
        ("POST /v/{ready}/captions/en/remove/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/captions/de/remove/", NOBODY),
    ],
    "caption_restore": [
        ("GET /v/{ready}/captions/removed/{removed}/restore/", POST_ONLY),
        ("POST /v/{ready}/captions/removed/{removed}/restore/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/captions/removed/0/restore/", NOBODY),
        ("POST /v/{hidden}/captions/removed/{removed}/restore/", NOBODY),  # it is of another
    ],
    "video_view": [
        ("GET /v/{ready}/view/", POST_ONLY),
        ("POST /v/{ready}/view/ at=40&watched=40", (IN, 204, 204, 204, 204, IN)),
        ("POST /v/{ready}/view/ at=-1&watched=nan", (IN, 422, 422, 422, 422, IN)),
        ("POST /v/{hidden}/view/ at=40&watched=40", (IN, 404, 204, 204, 204, IN)),
        ("POST /v/{pending}/view/ at=40&watched=40", (IN, 404, 204, 204, 204, IN)),
    ],
    "storyboard": [
        ("GET /v/{ready}/storyboard.jpg", ALL),
        ("GET /v/{hidden}/storyboard.jpg", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/storyboard.jpg", NOBODY),
    ],
    "storyboard_vtt": [
        ("GET /v/{ready}/storyboard.vtt", ALL),
        ("GET /v/{hidden}/storyboard.vtt", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/storyboard.vtt", NOBODY),
    ],
    "video_cancel": [
        ("GET /v/{processing}/cancel/", POST_ONLY),
        ("POST /v/{processing}/cancel/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/cancel/", (IN, 404, 302, 302, 302, IN)),
    ],
    "small_thumbnail": [
        ("GET /v/{ready}/thumbnail-640.webp", ALL),
        ("GET /v/{hidden}/thumbnail-640.webp", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/thumbnail-640.webp", NOBODY),
    ],
    "thumbnail": [
        ("GET /v/{ready}/thumbnail.jpg", ALL),
        ("GET /v/{hidden}/thumbnail.jpg", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/thumbnail.jpg", NOBODY),
    ],
    "video_edit": [
        ("GET /v/{ready}/edit/", UPLOADER_AND_STAFF),
        ("GET /v/{failed}/edit/", UPLOADER_AND_STAFF),
        ("POST /v/{ready}/edit/ title=New", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{hidden}/edit/ title=New", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/edit/ title=", (IN, 404, 422, 422, 422, IN)),
        ("POST /v/0000000000/edit/ title=New", NOBODY),
    ],
    "video_delete": [
        ("GET /v/{ready}/delete/", UPLOADER_AND_STAFF),
        ("POST /v/{ready}/delete/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{hidden}/delete/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{pending}/delete/", (IN, 404, 302, 302, 302, IN)),
    ],
    "video_restore": [
        ("GET /v/{trashed}/restore/", POST_ONLY),
        ("POST /v/{trashed}/restore/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/restore/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/0000000000/restore/", NOBODY),
    ],
    "video_delete_for_good": [
        ("GET /v/{trashed}/delete-for-good/", (IN, 404, 404, 404, 200, IN)),
        ("GET /v/{ready}/delete-for-good/", NOBODY),
        ("POST /v/{trashed}/delete-for-good/", (IN, 404, 404, 404, 302, IN)),
        ("POST /v/{ready}/delete-for-good/", NOBODY),
    ],
    "trash": [("GET /trash/", ALL), ("GET /trash/?after=nonsense", ALL)],
    "video_retry": [
        ("GET /v/{failed}/retry/", POST_ONLY),
        ("POST /v/{failed}/retry/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/retry/", (IN, 404, 302, 302, 302, IN)),
    ],
    # -- Comments
    "like": [
        ("GET /v/{ready}/like/", POST_ONLY),
        ("POST /v/{ready}/like/ liked=yes", DONE),
        ("POST /v/{ready}/like/ liked=perhaps", (IN, 422, 422, 422, 422, IN)),
        ("POST /v/{hidden}/like/ liked=yes", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{pending}/like/ liked=yes", (IN, 404, 302, 302, 302, IN)),
    ],
    "comments": [
        ("GET /v/{ready}/comments/", ALL),
        ("GET /v/{hidden}/comments/", UPLOADER_AND_STAFF),
        ("POST /v/{ready}/comments/ text=Hello", DONE),
        ("POST /v/{ready}/comments/ text=Hello&parent={comment}", DONE),
        ("POST /v/{ready}/comments/ text=Hello&parent=99999999", NOBODY),
        ("POST /v/{ready}/comments/ text=", (IN, 422, 422, 422, 422, IN)),
        ("POST /v/{hidden}/comments/ text=Hello", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{failed}/comments/ text=Hello", (IN, 404, 302, 302, 302, IN)),
    ],
    "comment": [
        ("GET /v/{ready}/comments/{comment}/", ALL),
        ("GET /v/{hidden}/comments/{hidden_comment}/", UPLOADER_AND_STAFF),
        ("GET /v/{ready}/comments/{hidden_comment}/", NOBODY),
        ("GET /v/{ready}/comments/99999999999999999999/", NOBODY),
    ],
    "comment_reply": [
        ("GET /v/{ready}/comments/{comment}/reply/", ALL),
        ("GET /v/{hidden}/comments/{hidden_comment}/reply/", UPLOADER_AND_STAFF),
    ],
    # The comments are by charlie, who is "another member" in this table.
    "comment_edit": [
        ("GET /v/{ready}/comments/{comment}/edit/", (IN, 200, 404, 404, 404, IN)),
        ("POST /v/{ready}/comments/{comment}/edit/ text=New", (IN, 302, 404, 404, 404, IN)),
        ("POST /v/{ready}/comments/{comment}/edit/ text=", (IN, 422, 404, 404, 404, IN)),
        ("GET /v/{hidden}/comments/{hidden_comment}/edit/", NOBODY),
    ],
    "comment_delete": [
        ("GET /v/{ready}/comments/{comment}/delete/", POST_ONLY),
        ("POST /v/{ready}/comments/{comment}/delete/", DONE),
        ("POST /v/{hidden}/comments/{hidden_comment}/delete/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{ready}/comments/{moderators_comment}/delete/", (IN, 404, 302, 302, 302, IN)),
    ],
    "comment_restore": [
        ("GET /v/{ready}/comments/{deleted_comment}/restore/", POST_ONLY),
        ("POST /v/{ready}/comments/{deleted_comment}/restore/", (IN, 302, 404, 404, 404, IN)),
    ],
    "notifications": [("GET /notices/", ALL)],
    "notifications_read": [("GET /notices/read/", POST_ONLY), ("POST /notices/read/", DONE)],
    "notification": [
        ("GET /notices/{notification}/", (IN, 404, 302, 404, 404, IN)),
        ("GET /notices/99999999999999999999/", NOBODY),
    ],
    "upload": [
        ("GET /upload/", ALL),
        ("POST /upload/ file=video", DONE),
        ("POST /upload/ title=nothing+else", (IN, 422, 422, 422, 422, IN)),
    ],
    "upload_playlist_discard": [
        ("GET /upload/playlist/{empty_playlist}/discard/", POST_ONLY),
        ("POST /upload/playlist/{empty_playlist}/discard/", (IN, 404, 204, 404, 404, IN)),
        ("POST /upload/playlist/{playlist}/discard/", NOBODY),  # there is something in it
    ],
    "playlist": [
        ("GET /playlist/{playlist}/", ALL),
        ("GET /playlist/0000000000/", NOBODY),
        ("GET /playlist/{deleted_playlist}/", NOBODY),
    ],
    # The playlist is by bob, the uploader. Not even staff may change it here.
    "playlist_edit": [
        ("GET /playlist/{playlist}/edit/", MAKER),
        ("POST /playlist/{playlist}/edit/ title=New", MAKER_DONE),
        ("POST /playlist/{playlist}/edit/ title=", (IN, 404, 422, 404, 404, IN)),
    ],
    "playlist_delete": [
        ("GET /playlist/{playlist}/delete/", MAKER_DONE),
        ("POST /playlist/{playlist}/delete/", MAKER_DONE),
    ],
    "playlist_undelete": [
        ("GET /playlist/{deleted_playlist}/undelete/", POST_ONLY),
        ("POST /playlist/{deleted_playlist}/undelete/", MAKER_DONE),
        ("POST /playlist/0000000000/undelete/", NOBODY),
    ],
    "playlist_move": [
        ("GET /playlist/{playlist}/move/", POST_ONLY),
        ("POST /playlist/{playlist}/move/ up={ready}", MAKER_DONE),
        ("POST /playlist/{playlist}/move/ video={ready}&behind=", MAKER_DONE),
        ("POST /playlist/{playlist}/move/ video={ready}&behind={failed}", MAKER_DONE),
        ("POST /playlist/{playlist}/move/ down=0000000000", NOBODY),
        ("POST /playlist/{playlist}/move/ down=nonsense", NOBODY),
        ("POST /playlist/{playlist}/move/", NOBODY),
    ],
    "playlist_remove": [
        ("GET /playlist/{playlist}/remove/", POST_ONLY),
        ("POST /playlist/{playlist}/remove/ video={ready}", MAKER_DONE),
        ("POST /playlist/{playlist}/remove/ video=nonsense", NOBODY),
    ],
    "playlist_restore": [
        ("GET /playlist/{playlist}/restore/", POST_ONLY),
        ("POST /playlist/{playlist}/restore/ video={failed}&position=0", MAKER_DONE),
        ("POST /playlist/{playlist}/restore/ video={failed}&position=-1", NOBODY),
    ],
    "video_playlists": [
        ("GET /v/{ready}/playlists/", ALL),
        ("GET /v/{hidden}/playlists/", UPLOADER_AND_STAFF),
        ("POST /v/{ready}/playlists/ add={playlist}", MAKER_DONE),
        ("POST /v/{ready}/playlists/ remove={playlist}", MAKER_DONE),
        ("POST /v/{ready}/playlists/ title=New", DONE),
        ("POST /v/{ready}/playlists/ title=", (IN, 422, 422, 422, 422, IN)),
        ("POST /v/{ready}/playlists/ add=nonsense", NOBODY),
    ],
    "liked": [("GET /liked/", ALL), ("GET /liked/?after=nonsense", ALL)],
    "playlists": [
        ("GET /playlists/", ALL),
        ("GET /playlists/?after=nonsense", ALL),
        ("POST /playlists/ title=Summer", DONE),
        ("POST /playlists/ title=", (IN, 422, 422, 422, 422, IN)),
    ],
    # tus: a visitor gets 401. tests/videos/views/test_tus.py has the other requests.
    "uploads": [
        ("GET /uploads/", (302,) * 6),  # to the upload page
        ("POST /uploads/", (401, 412, 412, 412, 412, 401)),
        ("OPTIONS /uploads/", (401, 204, 204, 204, 204, 401)),
    ],
    "one_upload": [
        ("GET /uploads/{upload}/", (401, 405, 405, 405, 405, 401)),
        ("HEAD /uploads/{upload}/", (401, 412, 412, 412, 412, 401)),
    ],
    # -- Moderation
    "moderate": [
        ("GET /v/{ready}/moderate/", STAFF),
        ("GET /v/{hidden}/moderate/", STAFF),
        ("GET /v/{failed}/moderate/", STAFF),
        ("GET /v/{processing}/moderate/", STAFF),
        ("GET /v/0000000000/moderate/", NOBODY),
    ],
    "moderate_hide": [
        ("GET /v/{ready}/moderate/hide/", POST_ONLY),
        ("POST /v/{ready}/moderate/hide/ reason=PRIVACY", STAFF_DONE),
        ("POST /v/{ready}/moderate/hide/ reason=OTHER", (IN, 404, 404, 422, 422, IN)),
        ("POST /v/{ready}/moderate/hide/ reason=nonsense", (IN, 404, 404, 422, 422, IN)),
        ("POST /v/{ready}/moderate/hide/", (IN, 404, 404, 422, 422, IN)),
    ],
    "moderate_unhide": [
        ("GET /v/{hidden}/moderate/unhide/", POST_ONLY),
        ("POST /v/{hidden}/moderate/unhide/", STAFF_DONE),
        ("POST /v/{ready}/moderate/unhide/", STAFF_DONE),
    ],
    "moderate_move": [
        ("GET /v/{ready}/moderate/move/", POST_ONLY),
        ("POST /v/{ready}/moderate/move/ category=bare", STAFF_DONE),
        ("POST /v/{ready}/moderate/move/ category=", STAFF_DONE),
        ("POST /v/{ready}/moderate/move/ category=none", STAFF_DONE),
    ],
    "moderate_thumbnail": [
        ("GET /v/{ready}/moderate/thumbnail/", POST_ONLY),
        ("POST /v/{ready}/moderate/thumbnail/", STAFF_DONE),
        ("POST /v/{failed}/moderate/thumbnail/", STAFF_DONE),
    ],
    "moderate_answer": [
        ("GET /v/{hidden}/moderate/answer/", POST_ONLY),
        ("POST /v/{hidden}/moderate/answer/ answer=keep&message=No", STAFF_DONE),
        ("POST /v/{hidden}/moderate/answer/ answer=unhide", STAFF_DONE),
        ("POST /v/{hidden}/moderate/answer/ answer=keep", (IN, 404, 404, 422, 422, IN)),
        ("POST /v/{ready}/moderate/answer/ answer=unhide", (IN, 404, 404, 422, 422, IN)),
    ],
    "moderate_comment_hide": [
        ("GET /v/{ready}/moderate/comments/{comment}/hide/", STAFF),
        ("POST /v/{ready}/moderate/comments/{comment}/hide/ reason=PERSON", STAFF_DONE),
        ("POST /v/{ready}/moderate/comments/{comment}/hide/", (IN, 404, 404, 422, 422, IN)),
        ("POST /v/{ready}/moderate/comments/{hidden_comment}/hide/ reason=PERSON", NOBODY),
        ("GET /v/{ready}/moderate/comments/99999999/hide/", NOBODY),
    ],
    "moderate_comment_unhide": [
        ("GET /v/{ready}/moderate/comments/{comment}/unhide/", POST_ONLY),
        ("POST /v/{ready}/moderate/comments/{comment}/unhide/", STAFF_DONE),
    ],
    "video_review": [
        ("GET /v/{hidden}/review/", (IN, 404, 200, 404, 404, IN)),
        ("GET /v/{ready}/review/", NOBODY),
        ("POST /v/{hidden}/review/ text=", (IN, 404, 422, 404, 404, IN)),
        ("POST /v/{hidden}/review/ text=Again", (IN, 404, 422, 404, 404, IN)),  # asked before
        ("POST /v/{ready}/review/ text=Again", NOBODY),
    ],
    "video_guest_links": [
        ("GET /v/{ready}/share/", UPLOADER_AND_STAFF),
        ("GET /v/{hidden}/share/", UPLOADER_AND_STAFF),
        ("GET /v/{pending}/share/", UPLOADER_AND_STAFF),
        ("POST /v/{ready}/share/ days=7", (IN, 404, 200, 404, 404, IN)),
        ("POST /v/{ready}/share/ days=0", (IN, 404, 422, 404, 404, IN)),
        ("POST /v/{hidden}/share/ days=7", (IN, 404, 422, 404, 404, IN)),
        ("POST /v/{pending}/share/ days=7", (IN, 404, 422, 404, 404, IN)),
        ("GET /v/0000000000/share/", NOBODY),
    ],
    "guest_link_revoke": [
        ("GET /v/{ready}/share/{link}/revoke/", POST_ONLY),
        ("POST /v/{ready}/share/{link}/revoke/", (IN, 404, 302, 302, 302, IN)),
        ("POST /v/{hidden}/share/{link}/revoke/", NOBODY),
    ],
    "guest_link_restore": [
        ("GET /v/{ready}/share/{revoked_link}/restore/", POST_ONLY),
        ("POST /v/{ready}/share/{revoked_link}/restore/", (IN, 404, 302, 404, 404, IN)),
        ("POST /v/{hidden}/share/{revoked_link}/restore/", NOBODY),
    ],
    # -- Guest links: the same for everyone, logged in or not
    "guest": [
        ("GET /s/{open}/", PUBLIC),
        ("GET /s/{open}/?t=1:30", PUBLIC),
        ("GET /s/{run_out}/", (410,) * 6),
        ("GET /s/{revoked}/", (410,) * 6),
        *((f"GET /s/{{of_{name}}}/", NONE) for name in ("hidden", "trashed", "processing", "gone")),
        ("GET /s/{unknown}/", NONE),
    ],
    "guest_status": [
        ("GET /s/{open}/status/", PUBLIC),
        ("GET /s/{revoked}/status/", NONE),
    ],
    "guest_view": [
        ("GET /s/{open}/view/", (405,) * 6),
        ("POST /s/{open}/view/ at=40&watched=40", (204,) * 6),
        ("POST /s/{open}/view/ at=-1&watched=nan", (422,) * 6),
        ("POST /s/{revoked}/view/ at=40&watched=40", NONE),
    ],
    **{
        f"guest_{name}": [
            (f"GET /s/{{open}}/{file}", PUBLIC),
            *((f"GET /s/{{open}}/{missing}", NONE) for missing in others),
            (f"GET /s/{{revoked}}/{file}", NONE),
        ]
        for name, file, *others in (
            ("stream", "stream.mp4"),
            ("master_playlist", "master.m3u8"),
            ("media_playlist", "720p.m3u8", "1080p.m3u8", "720p.m3u8?v=another"),
            (
                "initialisation",
                "720p.init.mp4",
                "1080p.init.mp4",
                "720p.init.mp4?v=another",
            ),
            ("sound_playlist", "720p.sound-3.m3u8", "720p.sound-4.m3u8"),
            ("sound_initialisation", "720p.sound-3.init.mp4", "720p.sound-1.init.mp4"),
            ("rendition", "720p.mp4", "1080p.mp4", "720p.mp4?v=another"),
            ("captions", "captions/en.vtt", "captions/de.vtt"),
            ("captions_playlist", "captions/en.m3u8", "captions/de.m3u8"),
            ("storyboard", "storyboard.jpg"),
            ("storyboard_vtt", "storyboard.vtt"),
            ("thumbnail", "thumbnail.jpg"),
        )
    },
    "security_txt": [("GET /.well-known/security.txt", NONE)],  # no contact is set
    "healthz": [("GET /healthz", PUBLIC)],
    "readyz": [("GET /readyz", STAFF), ("POST /readyz", (405,) * 6)],
    "design": [("GET /design/", STAFF)],
    # -- Log-in
    "login": [
        ("GET /login/", (200, 302, 302, 302, 302, 200)),
        ("POST /login/ username=bob&password=wrong", (422, 302, 302, 302, 302, 422)),
    ],
    "second_step": [
        ("GET /login/second-step/", (302,) * 6),
        ("POST /login/second-step/ code=123456", (302,) * 6),
    ],
    "second_step_recovery": [
        ("GET /login/second-step/recovery/", (405,) * 6),
        ("POST /login/second-step/recovery/ recovery_code=x", (302,) * 6),
    ],
    "second_step_passkey": [
        ("GET /login/second-step/passkey/", (405,) * 6),
        ("POST /login/second-step/passkey/ answer=x", (302,) * 6),
    ],
    "logout": [("GET /logout/", POST_ONLY), ("POST /logout/", DONE)],
    "password_reset": [
        ("GET /password-reset/", PUBLIC),
        ("POST /password-reset/ email=bob@example.org", (422,) * 6),  # no mail is configured
    ],
    "password_reset_done": [("GET /password-reset/sent/", PUBLIC)],
    "password_reset_complete": [("GET /password-reset/done/", PUBLIC)],
    "password_reset_confirm": [
        ("GET {reset_link}", (302,) * 6),
        ("GET /password-reset/x/y/", PUBLIC),
        ("POST /password-reset/x/y/ new_password1=x", PUBLIC),
    ],
    "register": [
        ("GET /register/{token}/", PUBLIC),
        ("POST /register/{token}/ username=x", (422,) * 6),
        ("GET /register/{used_token}/", (410,) * 6),
        ("POST /register/{used_token}/", (410,) * 6),
        ("GET /register/nonsense/", (404,) * 6),
    ],
    # -- A member's own pages
    "settings": [
        ("GET /settings/", ALL),
        ("POST /settings/ username=eve&email=eve@example.org", DONE),
        ("POST /settings/ username=x", (IN, 422, 422, 422, 422, IN)),
    ],
    "settings_avatar": [
        ("GET /settings/avatar/", POST_ONLY),
        ("POST /settings/avatar/ picture=picture", DONE),
        ("POST /settings/avatar/", (IN, 422, 422, 422, 422, IN)),
    ],
    "settings_avatar_remove": [
        ("GET /settings/avatar/remove/", POST_ONLY),
        ("POST /settings/avatar/remove/", DONE),
    ],
    "settings_confirm": [
        ("GET /settings/confirm/?next=/upload/", ALL),
        ("POST /settings/confirm/ confirm_password=wrong", (IN, 422, 422, 422, 422, IN)),
    ],
    "settings_email": [
        ("GET /settings/email/", POST_ONLY),
        ("POST /settings/email/ email=eve@example.org", (IN, 422, 422, 422, 422, IN)),
    ],
    "settings_email_cancel": [
        ("GET /settings/email/cancel/", POST_ONLY),
        ("POST /settings/email/cancel/", DONE),
    ],
    "settings_email_confirm": [
        ("GET /settings/email/nonsense%00/", (IN, 410, 410, 410, 410, IN)),
        ("POST /settings/email/nonsense/", (IN, 410, 410, 410, 410, IN)),
    ],
    "settings_delete": [
        ("GET /settings/delete/", ALL),
        ("POST /settings/delete/", (IN, 422, 422, 422, 422, IN)),
    ],
    "settings_keep": [("GET /settings/keep/", POST_ONLY), ("POST /settings/keep/", DONE)],
    "settings_password": [
        ("GET /settings/password/", POST_ONLY),
        ("POST /settings/password/", (IN, 422, 422, 422, 422, IN)),
    ],
    "second_factor": [("GET /settings/second-factor/", ALL)],
    "second_factor_app": [
        ("GET /settings/second-factor/app/", DONE),
        ("POST /settings/second-factor/app/", (IN, 422, 422, 422, 422, IN)),
    ],
    "second_factor_passkey": [
        ("GET /settings/second-factor/passkey/", DONE),
        ("POST /settings/second-factor/passkey/", (IN, 422, 422, 422, 422, IN)),
    ],
    "second_factor_codes": [
        ("GET /settings/second-factor/codes/", DONE),
        ("POST /settings/second-factor/codes/", (IN, 422, 422, 422, 422, IN)),
    ],
    "second_factor_edit": [
        (f"GET /settings/second-factor/{uuid.UUID(int=0)}/", DONE),
        (f"POST /settings/second-factor/{uuid.UUID(int=0)}/", (IN, 422, 422, 422, 422, IN)),
    ],
    "second_factor_remove": [
        (f"GET /settings/second-factor/{uuid.UUID(int=0)}/remove/", POST_ONLY),
        (f"POST /settings/second-factor/{uuid.UUID(int=0)}/remove/", (IN, 422, 422, 422, 422, IN)),
    ],
    "settings_sessions_end": [
        ("GET /settings/sessions/end/", POST_ONLY),
        ("POST /settings/sessions/end/", DONE),
    ],
    "settings_session_end": [
        ("GET /settings/sessions/{session}/end/", POST_ONLY),
        ("POST /settings/sessions/{session}/end/", (IN, 404, 302, 404, 404, IN)),
        ("POST /settings/sessions/nonsense/end/", NOBODY),
    ],
    "avatar": [
        ("GET /profile/bob/avatar.webp", ALL),
        ("GET /profile/BOB/avatar.webp", ALL),
        ("GET /profile/charlie/avatar.webp", NOBODY),
        ("GET /profile/nobody/avatar.webp", NOBODY),
    ],
    # -- Invitations
    "invitation_list": [
        ("GET /invitations/", STAFF),
        ("POST /invitations/ email=eve@example.org&role=USER", STAFF),
        ("POST /invitations/ email=eve@example.org&role=ADMIN", (IN, 404, 404, 422, 200, IN)),
        ("POST /invitations/ email=nonsense", (IN, 404, 404, 422, 422, IN)),
    ],
    "invitation_renew": [
        ("GET /invitations/{invitation}/renew/", POST_ONLY),
        ("POST /invitations/{invitation}/renew/", STAFF),
        ("POST /invitations/{admins_invitation}/renew/", (IN, 404, 404, 404, 200, IN)),
        ("POST /invitations/00000000-0000-0000-0000-000000000000/renew/", NOBODY),
    ],
    "invitation_revoke": [
        ("GET /invitations/{invitation}/revoke/", POST_ONLY),
        ("POST /invitations/{invitation}/revoke/", (IN, 404, 404, 302, 302, IN)),
        ("POST /invitations/{admins_invitation}/revoke/", (IN, 404, 404, 404, 302, IN)),
        ("POST /invitations/00000000-0000-0000-0000-000000000000/revoke/", NOBODY),
    ],
}


# -- The world ----------------------------------------------------------------------------------
@dataclass
class World:
    """A site with one object of each kind. The uploader is bob, the other member is charlie."""

    users: dict[str, User] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # what stands in {braces} in the table
    sessions: dict[str, str] = field(default_factory=dict)  # keys, by visitor
    # By whether they check CSRF tokens. Each loads the middleware once, as a server does.
    handlers: dict[bool, ClientHandler] = field(
        default_factory=lambda: {checks: ClientHandler(checks) for checks in (False, True)}
    )

    def client(self, visitor: str, *, enforce_csrf_checks: bool = False) -> Client:
        """A new browser with the visitor's session only. All clients of a visitor share it."""
        client = Client()
        client.handler = self.handlers[enforce_csrf_checks]
        if visitor != "anonymous":
            if visitor not in self.sessions:
                self.sessions[visitor] = self._log_in(visitor)
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[visitor]
        return client

    def _log_in(self, visitor: str) -> str:
        """A deactivated member's session, which still exists as if it had just begun.

        A first request notes in it that it is used; each that is rolled back would note it again.
        """
        client, users = self.client("anonymous"), User.objects.filter(pk=self.users[visitor].pk)
        if visitor == "deactivated":
            users.update(is_active=True)
        client.force_login(self.users[visitor])
        assert client.get("/healthz").status_code == 200
        if visitor == "deactivated":
            users.update(is_active=False)
        return client.cookies[settings.SESSION_COOKIE_NAME].value

    def ask(
        self,
        visitor: str,
        request: str,
        client: Client | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The response for the visitor. Changes by the request are rolled back."""
        method, path, data = parts_of(request, self.names)
        client = client or self.client(visitor)
        with transaction.atomic():
            content = {"data": data} if method == "POST" else {}
            answer = getattr(client, method.lower())(path, headers=headers, **content)
            if answer.streaming:
                b"".join(answer.streaming_content)
            transaction.set_rollback(True)
        return answer


def parts_of(request: str, names: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
    """The method, the path with its query, and the fields of the form."""
    method, path, *rest = request.split(" ", 2)
    data: dict[str, Any] = dict(pair.split("=", 1) for pair in rest[0].split("&")) if rest else {}
    if data.get("file") == "video":
        data = {"file": SimpleUploadedFile("clip.mp4", b"x" * 100, "video/mp4")}
    if data.pop("captions", "") == "srt":
        words = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"
        data["file"] = SimpleUploadedFile("words.srt", words)
    if data.get("picture") == "picture":
        data = {"picture": SimpleUploadedFile("me.png", picture().read(), "image/png")}
    fields = {
        name: value.format_map(names) if isinstance(value, str) else value
        for name, value in data.items()
    }
    return method, path.format_map(names), fields


def picture() -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(out, "PNG")
    out.seek(0)
    return out


@pytest.fixture
def world(media: Path) -> World:
    bob, charlie = make_user("bob"), make_user("charlie")
    moderator, admin = make_moderator("mona"), make_admin("root")
    gone = make_user("gone", is_active=False)
    users = dict(zip(VISITORS[1:], (charlie, bob, moderator, admin, gone), strict=True))
    music = make_category("Music", created_by=admin)
    music.image = "music.webp"
    music.save()
    write_whole(media / "categories" / "music.webp", b"picture")
    make_category("Bare", created_by=admin)
    bob.avatar = "bob.webp"
    bob.save()
    write_whole(media / "avatars" / "bob.webp", b"picture")
    (media / "temp" / "source").mkdir()
    source = media / "temp" / "source" / "source.mp4"
    source.write_bytes(b"sent")
    names = {}
    for name, fields in {
        "ready": {"category": music, "title": "Holiday"},
        "hidden": {"is_hidden": True},
        "pending": {"status": "PENDING"},
        "processing": {"status": "PROCESSING"},
        "failed": {"status": "FAILED", "source_root": "temp", "source_key": "source/source.mp4"},
        "lost": {"status": "COMPLETED"},
        "trashed": {"trashed_at": timezone.now(), "trashed_by": bob},
    }.items():
        video = make_video(uploader=bob, filename=f"{name}.mp4", **fields)  # type: ignore[arg-type]
        names[name] = video.short_id
        if name in {"ready", "hidden", "trashed"}:
            video.file_path.write_bytes(b"video")
            (media / "thumbnails" / f"{name}.jpg").write_bytes(b"picture")
            Video.objects.filter(pk=video.pk).update(
                thumbnail_filename=f"{name}.jpg",
                thumbnail_root="thumbnails",
                storyboard_filename=f"{name}.jpg",
                storyboard_root="thumbnails",
                storyboard_grid=asdict(plan_storyboard(160, 90, 9)),
            )
            Caption.objects.create(
                video=video, code="en", language="en", label="English", body="WEBVTT\n"
            )
            removed = Caption.objects.create(
                video=video, code="fr", language="fr", deleted_at=timezone.now()
            )
            names["removed"] = str(removed.pk) if name == "ready" else names.get("removed", "")
            rendition_of(video, media / "videos")
        if name == "processing":
            rendition_of(video, media / "temp")
            Job.objects.create(
                video=video,
                state="RUNNING",
                lease_owner="w",
                lease_until=timezone.now() + timedelta(seconds=30),
                progress=40,
                seconds_left=90,
            )
    playlist = make_playlist(made_by=bob)
    for name in ("ready", "hidden"):
        add_to_playlist(playlist=playlist, video=Video.objects.get(short_id=names[name]), user=bob)
    playlist.entries.create(video=Video.objects.get(short_id=names["trashed"]), position=9)
    names["playlist"] = playlist.short_id
    names["empty_playlist"] = make_playlist(made_by=bob).short_id
    names["deleted_playlist"] = make_playlist(made_by=bob, deleted_at=timezone.now()).short_id
    names |= make_comments(users, names)
    hidden = Video.objects.get(short_id=names["hidden"])
    ReviewRequest.objects.create(video=hidden, text="Please look again")
    for name, role, by in (
        ("invitation", Role.USER, moderator),
        ("used", Role.USER, moderator),
        ("admins_invitation", Role.ADMIN, admin),
    ):
        issued = issue_invitation(email=f"{name}@example.org", role=role, created_by=by)
        names[name] = str(issued.invitation.pk)
        token = "used_token" if name == "used" else "token"
        names.setdefault(token, issued.link.rstrip("/").rpartition("/")[2])
        if name == "used":
            issued.invitation.used_at = timezone.now()
            issued.invitation.save()
    names |= guest_links(users)
    dora = make_user("dora")
    names["reset_link"] = "/" + reset_link(dora).split("/", 3)[3]
    ready = Video.objects.get(short_id=names["ready"])
    names["report"] = str(report_video(video=ready, reporter=dora, reason="UNFIT").pk)
    at_home = Client()
    at_home.force_login(bob)
    names["session"] = hash_token(stored_key(at_home.cookies["sessionid"].value))
    names |= {f"{name}_id": str(user.pk) for name, user in users.items()}
    names["upload"] = str(uuid.uuid4())
    names["user_type"] = str(ContentType.objects.get_for_model(User).pk)
    return World(users=users, names=names)


def guest_links(users: dict[str, User]) -> dict[str, str]:
    """Tokens of guest links in every state, and the ids of two. All their videos exist."""
    names = {"unknown": new_token()}
    hour, by = (
        timedelta(hours=1),
        {video_file.filename: video_file for video_file in Video.objects.all()},
    )
    for name, video_file in (
        ("run_out", "ready"),
        ("revoked", "ready"),
        ("of_hidden", "hidden"),
        ("of_trashed", "trashed"),
        ("of_processing", "processing"),
        ("of_gone", "ready"),
        ("open", "ready"),
    ):
        video, token = by[f"{video_file}.mp4"], new_token()
        link = GuestLink.objects.create(
            video=video,
            # Its creator is no longer the uploader, and is deactivated.
            created_by=users["deactivated"] if name == "of_gone" else video.uploaded_by,
            token_hash=hash_token(token),
            created_at=timezone.now() - 2 * hour,
            expires_at=timezone.now() + (-hour if name == "run_out" else hour),
            revoked_at=timezone.now() if name == "revoked" else None,
        )
        names[name] = token
        names |= {"link": str(link.pk)} if name == "open" else {}
        names |= {"revoked_link": str(link.pk)} if name == "revoked" else {}
    return names


def make_comments(users: dict[str, User], names: dict[str, str]) -> dict[str, str]:
    """Comments by charlie and the moderator, and a notification for bob."""
    ready = Video.objects.get(short_id=names["ready"])
    hidden = Video.objects.get(short_id=names["hidden"])
    member = users["member"]
    said = {
        "comment": write_comment(video=ready, author=member, text="At 0:10"),
        "hidden_comment": write_comment(video=hidden, author=member, text="Before it was hidden"),
        "moderators_comment": write_comment(video=ready, author=users["moderator"], text="Hm"),
        "deleted_comment": write_comment(video=ready, author=member, text="Oh no"),
    }
    delete_comment(comment=said["deleted_comment"], by=member)
    notification = Notification.objects.get(comment=said["comment"])
    return {name: str(one.pk) for name, one in said.items()} | {
        "notification": str(notification.pk)
    }


def rendition_of(video: Video, folder: Path) -> None:
    """A playable rendition with two sounds, incomplete unless the video is ready."""
    name = f"{video.pk.hex}-720p.mp4"
    content = built.separate_mp4()
    (folder / name).write_bytes(content)
    sounds = [SoundTrack(number=n, language="und", title="", channels=2) for n in (2, 3)]
    Rendition.objects.create(
        video=video,
        name="720p",
        root=folder.name,
        filename=name,
        version="attempt",
        is_complete=video.is_ready,
        width=1280,
        height=720,
        fps=30,
        sound_tracks=stored_tracks(sounds),
        codecs="avc1.640028" if video.is_ready else "",
        bandwidth=1,
        average_bandwidth=1,
        duration_seconds=1,
        size_bytes=len(content),
    )


def seen(answer: HttpResponse) -> Status:
    """The status, or the target of a redirect to a log-in."""
    if answer.status_code == 302:
        target = answer["Location"]
        request = answer.wsgi_request  # type: ignore[attr-defined]
        back = f"?next={quote(request.get_full_path(), safe='/')}"
        if target == "/login/" + back:
            return IN
        if target == "/admin/login/" + back:
            return TO_ADMIN
        assert "/login/?next" not in target
    return answer.status_code


# -- The table is whole -------------------------------------------------------------------------
def site_urls() -> Iterator[str]:
    """The names of all URL patterns; those inside /admin/ begin with "admin:"."""
    yield from _names(get_resolver(), "")


def _names(resolver: URLResolver, namespace: str) -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from _names(pattern, namespace + inner)
        else:
            assert isinstance(pattern, URLPattern)
            yield f"{namespace}{pattern.name or f'(unnamed) {pattern.pattern}'}"


LINES = [(name, request, expected) for name, rows in TABLE.items() for request, expected in rows]


def test_every_url_has_a_line_in_the_table() -> None:
    outside = {name for name in site_urls() if not name.startswith("admin:")}
    assert outside == set(TABLE)


def test_every_line_is_of_the_url_that_it_stands_under(world: World) -> None:
    for name, request, expected in LINES:
        path = parts_of(request, world.names)[1].partition("?")[0]
        assert resolve(path).view_name == name, request
        assert len(expected) == len(VISITORS), request


def test_every_visitor_gets_what_the_table_says(world: World, subtests: pytest.Subtests) -> None:
    """Also: each address with a whole page is in the table of tests/browser/test_access.py."""
    pages = set()
    for name, lines in TABLE.items():
        with subtests.test(name):
            got = []
            for request, _ in lines:
                answers = [world.ask(visitor, request) for visitor in VISITORS]
                got.append((request, tuple(seen(answer) for answer in answers)))
                if any(is_page(answer) for answer in answers):
                    pages.add(name)
            assert got == lines, f"each for {VISITORS}"
    with subtests.test("pages are looked at in a browser"):
        assert len(pages) > 20
        assert pages == set(PAGES) - {"errors"}


def is_page(answer: Any) -> bool:
    """Whether it is a whole page of its view, rather than a file, a part of a page or an error."""
    return (
        answer.status_code in {200, 410, 422}
        and not answer.streaming
        and answer.content.lstrip().startswith(b"<!doctype")
    )


def test_a_closed_link_opens_nothing_for_anybody(world: World, pytestconfig: pytest.Config) -> None:
    """Without --long each address of each closed link is asked by one of the visitors in turn."""
    step = 1 if pytestconfig.getoption("--long") else 3
    clients = [world.client(visitor) for visitor in ("anonymous", "uploader", "admin")]
    opening = [
        request
        for _, request, expected in LINES
        if "/s/{open}/" in request and expected[0] in {200, 204}
    ]
    for at, request in enumerate(opening):
        for number, closed in enumerate(CLOSED, at):
            for client in clients[number % step :: step]:
                answer = world.ask("anonymous", request.replace("open", closed), client)
                assert answer.status_code in {404, 410}, f"{closed}: {request}"
                assert "X-Accel-Redirect" not in answer


def test_a_guest_gets_elsewhere_what_a_stranger_gets(world: World) -> None:
    """A visit to an open link leaves nothing in the browser that would open more."""
    guest = world.client("anonymous")
    assert guest.get("/s/{open}/".format_map(world.names)).status_code == 200
    assert not guest.cookies
    for _, request, expected in LINES:
        assert seen(world.ask("anonymous", request, guest)) == expected[0], request


# What shows a video in the trash, to its uploader and staff.
OF_TRASH = {
    *("watch", "video_status", "stream", "download", "master_playlist", "media_playlist"),
    *("initialisation", "sound_playlist", "sound_initialisation", "rendition", "captions"),
    *("captions_playlist", "storyboard", "storyboard_vtt", "small_thumbnail", "thumbnail"),
    "video_view",
}


def test_a_video_in_the_trash_is_shown_to_its_uploader_and_staff_only(
    world: World, subtests: pytest.Subtests
) -> None:
    """All lines of the table about a video, with one in the trash instead."""
    own_rows = {"video_restore", "video_delete_for_good"}
    of_ready = [it for it in LINES if "/v/{ready}/" in it[1] and it[0] not in own_rows]
    assert len(of_ready) > 90
    for name, request, expected in of_ready:
        here = request.replace("/v/{ready}/", "/v/{trashed}/")
        of_uploader = expected[VISITORS.index("uploader")]
        for visitor in VISITORS:
            wanted = expected[VISITORS.index(visitor)]
            if wanted not in {IN, 405} and (name not in OF_TRASH or visitor == "member"):
                wanted = 404
            elif wanted not in {IN, 405}:
                wanted = of_uploader
            with subtests.test(f"{visitor}: {here}"):
                assert seen(world.ask(visitor, here)) == wanted


SCRIPTS = {
    "htmx": {"HX-Request": "true", "HX-Current-URL": "http://testserver/?sort=views"},
    "json": {"Accept": "application/json"},
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_that_is_not_logged_in_gets_401(
    world: World, kind: str, pytestconfig: pytest.Config
) -> None:
    """All ways to the log-in page; with htmx, the address leads back to its page.

    Without --long each line is of one kind, and its neighbors in the table are of the other.
    """
    back = "?next=/%3Fsort%3Dviews" if kind == "htmx" else ""
    step = 1 if pytestconfig.getoption("--long") else len(SCRIPTS)
    for _, request, expected in LINES[list(SCRIPTS).index(kind) % step :: step]:
        for visitor in ("anonymous", "deactivated"):
            if expected[VISITORS.index(visitor)] == IN:
                answer = world.ask(visitor, request, headers=SCRIPTS[kind])
                assert answer.status_code == 401, request
                assert answer["HX-Redirect"] == f"/login/{back}"
                assert len(answer.content) < 100


# -- Methods ------------------------------------------------------------------------------------
def test_head_answers_what_get_answers_without_a_body(world: World) -> None:
    """One line of each view that answers GET, for a stranger and an admin."""
    seen_names = set()
    for name, request, _ in LINES:
        # HEAD of an upload belongs to tus, and GET answers nothing there.
        if not request.startswith("GET") or name in seen_names or name == "one_upload":
            continue
        seen_names.add(name)
        for visitor in ("anonymous", "admin"):
            got = world.ask(visitor, request)
            head = world.ask(visitor, request.replace("GET", "HEAD", 1))
            assert seen(head) == seen(got), f"{visitor}: {request}"
            assert head.headers.get("Content-Type") == got.headers.get("Content-Type")
            if not head.streaming:
                assert head.content == b"", request


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "BREW"])
def test_a_method_that_an_address_does_not_know_is_405(world: World, method: str) -> None:
    """One line of each view."""
    clients = {visitor: world.client(visitor) for visitor in ("anonymous", "admin")}
    for name, lines in TABLE.items():
        if name == "one_upload" and method in {"PATCH", "DELETE"}:
            continue
        request, expected = lines[0]
        is_public = expected[0] != IN and name not in {"uploads", "one_upload"}
        client = clients["anonymous" if is_public else "admin"]
        path = parts_of(request, world.names)[1]
        answer = client.generic(method, path, b"x=1", "application/x-www-form-urlencoded")
        assert answer.status_code == 405, path
        assert answer["Allow"], path


def test_every_post_needs_a_csrf_token(world: World) -> None:
    for name, request, _ in LINES:
        if not request.startswith("POST"):
            continue
        for visitor in ("anonymous", "uploader", "admin"):
            answer = world.ask(visitor, request, world.client(visitor, enforce_csrf_checks=True))
            # The upload page checks quota and size before it reads the body and the CSRF token.
            exempt = name == "upload" and visitor == "anonymous"
            if name == "uploads":  # whose own table has it with the headers that it needs
                assert answer.status_code == (401 if visitor == "anonymous" else 412)
                continue
            expected = IN if exempt else 403
            if name == "guest_view":  # the token in its address is one
                expected = dict(TABLE[name])[request][0]
            assert seen(answer) == expected, f"{visitor}: {request}"


# -- Odd addresses ------------------------------------------------------------------------------
ODD = [
    *(
        f"{sort}after={encode_cursor((value, last))}"
        for sort in ("", "sort=views&")
        for value, last in (
            ("0001-01-01T00:00:00+23:59", "f" * 32),
            ("9999-12-31T23:59:59-23:59", "f" * 32),
            (2**63 - 1, "f" * 32),
            (-1, "x"),
            ("x", "f" * 32),
        )
    ),
    "after=%00",
    "after=x",
    "after=" + "A" * 5000,
    "after=WzEsMl0",  # [1,2]
    "after=W10",  # []
    "sort=bogus",
    "sort=views&after=WyIyMDI0LTAxLTAxIiwieCJd",  # ["2024-01-01","x"]
    "page=x",
    "page=-1",
    "page=" + "9" * 400,
    "t=abc",
    "t=-1",
    "t=" + "9" * 400,
    "t=1e999",
    "q='\";--",
    "q=%00",
    "q=%ff%fe",
    "q=%",
    "q=_%25\\",
    "q=" + "x" * 5000,
    "q=" + "+".join("abcdefgh" * 20),
    "q=%F0%9F%8E%AC%E2%80%AE%ED%A0%80",
    "category=%00",
    "category=../../etc/passwd",
    "category=" + "x" * 5000,
    "next=%00",
    "next=//evil.example",
    "_popup=1&_to_field=x&e=1",
    "=&&&=",
    "a[]=1&a[]=2",
    "&".join(f"f{n}=1" for n in range(900)),
]


@functools.cache
def odd_queries() -> list[str]:
    """Sets of odd parameters, so that each odd value of each name is requested once."""
    by_name: dict[str, list[str]] = {}
    for query in ODD:
        name = query.rpartition("=")[0].rpartition("&")[2]  # of several, the last
        by_name.setdefault(name, []).append(query)
    return ["&".join(filter(None, row)) for row in zip_longest(*by_name.values())]


def test_no_query_breaks_an_address(
    world: World, subtests: pytest.Subtests, pytestconfig: pytest.Config
) -> None:
    """The page ignores the odd value, or reports that there is no such category.

    Without --long each page gets a sixth of the sets, and its neighbors in the table the others.
    """
    step = 1 if pytestconfig.getoption("--long") else 6
    for number, (name, lines) in enumerate(TABLE.items()):
        with subtests.test(name):
            request, expected = lines[0]
            request = "GET " + request.split(" ")[1]
            client = world.client("uploader" if expected[0] == IN else "anonymous")
            plain = world.ask("", request, client)
            for query in odd_queries()[number % step :: step]:
                odd = world.ask("", f"{request}?{query}", client)
                unknown = {404} if name == "home" and "category=" in query else set()
                assert odd.status_code in {plain.status_code} | unknown, query


NOT_THERE = [
    "/v/short/",
    "/v/elevenchars/",
    "/v/%00%00%00%00%00%00%00%00%00%00/",
    "/v/éééééééééé/",
    "/v/..%2f..%2fetc/",
    "/profile/%00/",
    "/profile/a%00b/avatar.webp",
    "/profile/é/",
    "/profile/" + "a" * 5000 + "/",
    "/categories/%00/",
    "/categories/é/cover.webp",
    "/invitations/x/renew/",
    "/register/",
    "/password-reset/x/",
    "/settings/sessions//end/",
    "/media/videos/ready.mp4",
    "/static/../clipset/settings.py",
    "/.env",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/" + "a" * 8000,
]


def test_an_address_that_there_is_not_is_404(world: World, subtests: pytest.Subtests) -> None:
    for visitor in ("anonymous", "member", "admin"):
        client = world.client(visitor)
        for path in NOT_THERE:
            with subtests.test(f"{visitor}: {path[:50]}"):
                answer = client.get(path)
                assert answer.status_code == 404
                assert "Page not found" in answer.content.decode()


# -- The admin ----------------------------------------------------------------------------------
def admin_objects(world: World) -> dict[str, object]:
    """The id of one object of each model that the admin shows."""
    made = {
        "siteconfig_config": Config.objects.get(),
        "siteconfig_backuprun": BackupRun.objects.create(state="DONE", lease_until=timezone.now()),
        "siteconfig_doctorrun": DoctorRun.objects.create(key="x"),
        "siteconfig_auditentry": AuditEntry.objects.create(
            actor_name="root",
            source="admin",
            action="video.hide",
            object_kind="video",
            member_rank=0,
        ),
        "videos_video": Video.objects.get(short_id=world.names["ready"]),
        "videos_dailystatistics": DailyStatistics.objects.create(day=timezone.now().date()),
        "videos_job": Job.objects.get(),
        "videos_upload": begin_upload(user=world.users["uploader"], content_length=10),
        "videos_removal": Removal.objects.create(
            root="/nowhere", key="a.mp4", reason=RemovalReason.REPLACED
        ),
        "videos_playlist": Playlist.objects.get(short_id=world.names["playlist"]),
        "videos_comment": Comment.objects.get(pk=world.names["comment"]),
        "videos_report": Report.objects.get(),
        "categories_category": Category.objects.get(slug="music"),
        "accounts_invitation": Invitation.objects.get(pk=world.names["invitation"]),
        "accounts_user": world.users["uploader"],
    }
    return {name: found.pk for name, found in made.items()}


ADMIN_PAGES = ("changelist", "add", "change", "delete", "history")
EVERYTHING, NOTHING = (200, 200, 200, 200, 200), (403, 403, 403, 403, 403)
NO_ADDING = (200, 403, 200, 200, 200)
READING = (200, 403, 200, 403, 200)
ONLY_LIST = (200, 403, 403, 403, 403)
# Model -> the results of a moderator and an admin for its five pages. All others get Django's
# redirect to the log-in.
ADMIN_MODELS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "accounts_invitation": (EVERYTHING, EVERYTHING),
    "accounts_user": (READING, NO_ADDING),  # a moderator changes some fields of it
    "categories_category": (EVERYTHING, EVERYTHING),
    "siteconfig_config": (NOTHING, (302, 403, 200, 403, 200)),
    "siteconfig_backuprun": (NOTHING, READING),
    "siteconfig_doctorrun": (NOTHING, READING),
    "siteconfig_auditentry": ((200, 403, 200, 403, 302), (200, 403, 200, 403, 302)),
    "videos_comment": (NO_ADDING, NO_ADDING),
    "videos_dailystatistics": (ONLY_LIST, ONLY_LIST),
    "videos_job": (READING, READING),
    "videos_playlist": (NO_ADDING, NO_ADDING),
    "videos_removal": (NOTHING, READING),
    "videos_report": (READING, READING),  # of others, and it is handled on its page
    "videos_upload": (NO_ADDING, NO_ADDING),
    "videos_video": (NO_ADDING, NO_ADDING),
}

FOR_STAFF = (TO_ADMIN, TO_ADMIN, TO_ADMIN, 200, 200, TO_ADMIN)
ADMIN_TABLE: dict[str, list[tuple[str, tuple[Status, ...]]]] = {
    "admin:index": [("GET /admin/", FOR_STAFF)],
    # A visitor without a script is redirected to the index, which has the same list.
    "admin:attention": [
        ("GET /admin/attention/", (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN)),
    ],
    "admin:attention_show_again": [
        ("GET /admin/attention/show-again/", (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN)),
        ("POST /admin/attention/show-again/", (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN)),
    ],
    "admin:attention_act": [
        (
            "POST /admin/attention/failed-videos/{failed}/not-now/",
            (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN),
        ),
        (
            "GET /admin/attention/failed-videos/{failed}/retry/",
            (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN),
        ),
        (
            "POST /admin/attention/failed-videos/{failed}/retry/",
            (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN),
        ),
        (
            "POST /admin/attention/failed-videos/0000000000/stop/",
            (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN),
        ),
        (
            "POST /admin/attention/quotas/{member_id}/reset/",
            (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN),
        ),
        (
            "POST /admin/attention/failed-videos/{failed}/explode/",
            (IN, TO_ADMIN, TO_ADMIN, 404, 404, IN),
        ),
        ("POST /admin/attention/nothing/1/retry/", (IN, TO_ADMIN, TO_ADMIN, 404, 404, IN)),
    ],
    "admin:login": [("GET /admin/login/", (200, 200, 200, 302, 302, 200))],
    "admin:logout": [
        ("GET /admin/logout/", (TO_ADMIN, 302, 302, 405, 405, TO_ADMIN)),
        ("POST /admin/logout/", (TO_ADMIN, 302, 302, 302, 302, TO_ADMIN)),
    ],
    "admin:password_change": [("GET /admin/password_change/", FOR_STAFF)],
    "admin:password_change_done": [("GET /admin/password_change/done/", FOR_STAFF)],
    "admin:autocomplete": [
        (
            "GET /admin/autocomplete/?app_label=videos&model_name=video&field_name=category",
            FOR_STAFF,
        ),
        (
            "GET /admin/autocomplete/?app_label=x&model_name=y&field_name=z",
            (TO_ADMIN, TO_ADMIN, TO_ADMIN, 403, 403, TO_ADMIN),
        ),
    ],
    "admin:jsi18n": [("GET /admin/jsi18n/", FOR_STAFF)],
    "admin:view_on_site": [
        ("GET /admin/r/0/x/", (TO_ADMIN, TO_ADMIN, TO_ADMIN, 404, 404, TO_ADMIN)),
        ("GET /admin/r/{user_type}/1/", (TO_ADMIN, TO_ADMIN, TO_ADMIN, 404, 404, TO_ADMIN)),
        (
            "GET /admin/r/{user_type}/{member_id}/",
            (TO_ADMIN, TO_ADMIN, TO_ADMIN, 302, 302, TO_ADMIN),
        ),
    ],
    "admin:app_list": [
        ("GET /admin/videos/", FOR_STAFF),
    ],
    "admin:(unnamed) (?P<url>.*)$": [
        ("GET /admin/nothing/", (TO_ADMIN, TO_ADMIN, TO_ADMIN, 404, 404, TO_ADMIN)),
        # Schedules name functions to run, so not even an admin may change them.
        ("GET /admin/django_q/", (TO_ADMIN, TO_ADMIN, TO_ADMIN, 404, 404, TO_ADMIN)),
    ],
    "admin:accounts_invitation_renew": [
        (
            "POST /admin/accounts/invitation/{invitation}/renew/",
            (IN, TO_ADMIN, TO_ADMIN, 200, 200, IN),
        ),
        (
            "POST /admin/accounts/invitation/{admins_invitation}/renew/",
            (IN, TO_ADMIN, TO_ADMIN, 404, 200, IN),
        ),
    ],
    "admin:videos_report_reopen": [
        ("GET /admin/videos/report/{report}/reopen/", (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN)),
        ("POST /admin/videos/report/{report}/reopen/", (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN)),
        (
            "POST /admin/videos/report/00000000-0000-0000-0000-000000000000/reopen/",
            (IN, TO_ADMIN, TO_ADMIN, 404, 404, IN),
        ),
    ],
    "admin:videos_report_change": [
        (
            "POST /admin/videos/report/{report}/change/ decision=reject",
            (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN),
        ),
        (
            "POST /admin/videos/report/{report}/change/ decision=hide_video&seen_until=x",
            (IN, TO_ADMIN, TO_ADMIN, 422, 422, IN),
        ),
    ],
    "admin:siteconfig_backuprun_run": [
        (
            "GET /admin/siteconfig/backuprun/run/",
            (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN),
        ),
        (
            "POST /admin/siteconfig/backuprun/run/",
            (IN, TO_ADMIN, TO_ADMIN, 403, 302, IN),
        ),
    ],
    "admin:siteconfig_auditentry_export": [
        (
            "GET /admin/siteconfig/auditentry/export/",
            (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN),
        ),
        (
            "POST /admin/siteconfig/auditentry/export/",
            (IN, TO_ADMIN, TO_ADMIN, 200, 200, IN),
        ),
    ],
    "admin:siteconfig_auditentry_undo": [
        (
            "GET /admin/siteconfig/auditentry/undo/",
            (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN),
        ),
        (
            "POST /admin/siteconfig/auditentry/undo/ entry=0",
            (IN, TO_ADMIN, TO_ADMIN, 404, 404, IN),
        ),
        (
            "POST /admin/siteconfig/auditentry/undo/ request=x",
            (IN, TO_ADMIN, TO_ADMIN, 302, 302, IN),
        ),
    ],
    "admin:siteconfig_doctorrun_run": [
        (
            "GET /admin/siteconfig/doctorrun/run/",
            (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN),
        ),
        (
            "POST /admin/siteconfig/doctorrun/run/",
            (IN, TO_ADMIN, TO_ADMIN, 403, 302, IN),
        ),
    ],
    "admin:siteconfig_doctorrun_mend": [
        (
            "POST /admin/siteconfig/doctorrun/mend/ all=yes&confirmed=yes",
            (IN, TO_ADMIN, TO_ADMIN, 403, 302, IN),
        ),
    ],
    "admin:accounts_user_restore": [
        ("GET /admin/accounts/user/{member_id}/restore/", (IN, TO_ADMIN, TO_ADMIN, 405, 405, IN)),
        ("POST /admin/accounts/user/{member_id}/restore/", (IN, TO_ADMIN, TO_ADMIN, 403, 302, IN)),
    ],
    "admin:accounts_user_reset_second_factor": [
        (
            "GET /admin/accounts/user/{member_id}/reset-second-factor/",
            (IN, TO_ADMIN, TO_ADMIN, 403, 200, IN),
        ),
        (
            "POST /admin/accounts/user/{member_id}/reset-second-factor/",
            (IN, TO_ADMIN, TO_ADMIN, 403, 302, IN),
        ),
    ],
    "admin:accounts_user_reset_link": [
        (
            "POST /admin/accounts/user/{member_id}/reset-link/",
            (IN, TO_ADMIN, TO_ADMIN, 403, 200, IN),
        ),
    ],
}
ADMIN_LINES = [
    (name, request, expected) for name, rows in ADMIN_TABLE.items() for request, expected in rows
]


def test_every_url_of_the_admin_has_a_line_or_is_one_of_a_models_five() -> None:
    pages = {f"admin:{model}_{page}" for model in ADMIN_MODELS for page in ADMIN_PAGES}
    # Django's shorter address of each model's change page.
    pages.add("admin:(unnamed) <path:object_id>/")
    inside = {name for name in site_urls() if name.startswith("admin:")}
    assert inside == pages | set(ADMIN_TABLE)


def test_every_visitor_of_the_admin_gets_what_the_table_says(
    world: World, subtests: pytest.Subtests
) -> None:
    for name, request, expected in ADMIN_LINES:
        with subtests.test(request):
            got = tuple(seen(world.ask(visitor, request)) for visitor in VISITORS)
            assert got == expected, f"each for {VISITORS}"
            if not name.startswith("admin:("):
                path = parts_of(request, world.names)[1].partition("?")[0]
                assert resolve(path).view_name == name


def test_every_page_of_a_model_in_the_admin_is_for_whom_the_table_says(
    world: World, subtests: pytest.Subtests
) -> None:
    ids = admin_objects(world)
    for model, (for_moderator, for_admin) in ADMIN_MODELS.items():
        for number, page in enumerate(ADMIN_PAGES):
            with subtests.test(f"{model} {page}"):
                given = [] if page in {"changelist", "add"} else [ids[model]]
                path = reverse(f"admin:{model}_{page}", args=given)
                expected = (IN, TO_ADMIN, TO_ADMIN, for_moderator[number], for_admin[number], IN)
                got = tuple(seen(world.ask(visitor, f"GET {path}")) for visitor in VISITORS)
                assert got == expected


def test_no_query_breaks_a_list_of_the_admin(world: World) -> None:
    admin_objects(world)
    client = world.client("admin")
    for model in ADMIN_MODELS:
        path = reverse(f"admin:{model}_changelist")
        for query in ("p=x", "p=-1", "o=x", "q=%00", "e=1", "bogus=1", "all=", "_facets=1"):
            assert client.get(f"{path}?{query}").status_code in {200, 302}, f"{path}?{query}"
