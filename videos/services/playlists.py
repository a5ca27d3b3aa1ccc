"""Changes to playlists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from clipset.lib.text import MAX_TITLE_LENGTH, clean_line, clean_text
from videos.models import Playlist, PlaylistEntry, Video

if TYPE_CHECKING:
    from accounts.models import User

MAX_DESCRIPTION: Final = 5000  # characters


def create_playlist(*, user: User, title: str, description: str = "") -> Playlist:
    """An empty one. Raises ValidationError for a blank title and for what is too long."""
    playlist = Playlist(title=clean_line(title), description=clean_text(description), made_by=user)
    if not playlist.title:
        raise ValidationError({"title": "Give the playlist a name."})
    if len(playlist.title) > MAX_TITLE_LENGTH:
        raise ValidationError({"title": "A name has at most 200 characters."})
    if len(playlist.description) > MAX_DESCRIPTION:
        raise ValidationError({"description": "A description has at most 5,000 characters."})
    playlist.save(force_insert=True)
    return playlist


def add_to_playlist(*, playlist: Playlist, video: Video, user: User) -> PlaylistEntry:
    """Puts a video at the end; one that is in it already stays where it is.

    Raises Playlist.DoesNotExist when it is not (or no longer) this member's, and
    Video.DoesNotExist for a video that they may not see.
    """
    with transaction.atomic():
        # Also the lock that lets one at a time look for the end.
        own = Playlist.objects.filter(pk=playlist.pk, made_by=user)
        if not own.update(updated_at=timezone.now()):
            raise Playlist.DoesNotExist("This playlist is not yours, or it is gone.")
        Video.objects.visible_to(user).only("pk").get(pk=video.pk)
        last = playlist.entries.aggregate(last=Max("position"))["last"]
        entry, _ = PlaylistEntry.objects.get_or_create(
            playlist=playlist,
            video=video,
            defaults={"position": 0 if last is None else last + 1},
        )
    return entry
