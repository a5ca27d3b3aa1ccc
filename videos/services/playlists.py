"""Changes to playlists: title and description, entries, and their order.

Each service locks the playlist's row until its transaction ends, so that of two requests at once
one sees what the other changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from accounts.services.audit import record_on_thing_of
from clipset.lib.text import MAX_TITLE_LENGTH, clean_line, clean_text
from siteconfig.services.audit import differences
from videos.models import Playlist, PlaylistEntry, Upload, UploadState, Video
from videos.models.playlist import MAX_PLAYLISTS, NAME_BLANK, NAME_TOO_LONG
from videos.models.video import DESCRIPTION_TOO_LONG, MAX_DESCRIPTION
from videos.querysets import UNDO_WITHIN

if TYPE_CHECKING:
    from accounts.models import User

# The largest position that is taken from a request; positions after it still fit the column.
MAX_POSITION: Final = 2**30


# -- playlists ------------------------------------------------------------------------------------


def create_playlist(*, user: User, title: str, description: str = "") -> Playlist:
    """Creates an empty playlist.

    Raises: ValidationError for a blank title, a text that is too long, and too many playlists.
    """
    title, description = _checked(title, description)
    playlist = Playlist(title=title, description=description, made_by=user)
    _check_room(playlist)
    playlist.save(force_insert=True)
    return playlist


def create_playlist_with_video(*, user: User, title: str, video: Video) -> Playlist:
    """Creates a playlist with this video as its entry, or nothing. Raises: as `create_playlist` and
    `add_to_playlist`."""
    with transaction.atomic():
        playlist = create_playlist(user=user, title=title)
        add_to_playlist(playlist=playlist, video=video, user=user)
    return playlist


def edit_playlist(*, playlist: Playlist, user: User, title: str, description: str) -> Playlist:
    """Stores title and description.

    Raises: ValidationError as `create_playlist`; Playlist.DoesNotExist when it is not (or no
    longer) this member's.
    """
    title, description = _checked(title, description)
    with transaction.atomic():
        _hold(playlist, user)
        before = Playlist.objects.get(pk=playlist.pk)
        Playlist.objects.filter(pk=playlist.pk).update(title=title, description=description)
        old, new = differences(
            {"title": before.title, "description": before.description},
            {"title": title, "description": description},
        )
        if new:
            _record(before, "edit", before=old, after=new)
    playlist.title, playlist.description = title, description
    return playlist


def delete_playlist(*, playlist: Playlist, user: User) -> None:
    """Deletes a playlist, which can be restored for ten minutes; its videos stay. A deleted one
    stays as it is."""
    Playlist.objects.filter(pk=playlist.pk, made_by=user).mark_deleted()


def delete_playlist_by_staff(*, playlist: Playlist, reason: str = "") -> None:
    """Deletes a playlist of another member, who cannot restore it. Staff can, for a day."""
    at = timezone.now() - UNDO_WITHIN
    with transaction.atomic():
        if Playlist.objects.filter(pk=playlist.pk).mark_deleted(at=at):
            before, after = {"is_deleted": False}, {"is_deleted": True}
            _record(playlist, "delete", reason=reason, before=before, after=after)


def restore_playlist_by_staff(*, playlist: Playlist) -> None:
    """Restores a deleted playlist with its entries; a present one stays as it is. Raises:
    ValidationError when it was deleted for good."""
    with transaction.atomic():
        same = Playlist.objects.filter(pk=playlist.pk)
        if same.mark_present():
            before, after = {"is_deleted": True}, {"is_deleted": False}
            _record(playlist, "restore", before=before, after=after)
        elif not same.exists():
            raise ValidationError("This playlist has been permanently deleted.")


def restore_playlist(*, playlist: Playlist, user: User) -> None:
    """Restores a playlist with its entries; a present one stays as it is.

    Raises: ValidationError when it is too late, or when the member has too many playlists by now.
    """
    with transaction.atomic():
        own = Playlist.objects.filter(pk=playlist.pk, made_by=user)
        if own.undoable().mark_present():
            _check_room(playlist)
        elif not own.present().exists():
            raise ValidationError(
                "It's too late to undo this. The playlist has been permanently deleted."
            )


def discard_playlist(*, user: User, short_id: str) -> bool:
    """Deletes for good a playlist that was created for uploads of which none became a video.

    False, and the playlist stays, when it is not (or no longer) this member's, when it has entries,
    or when other uploads are to be added to it.
    """
    with transaction.atomic():
        # Because of the lock, a request that adds an entry waits for this one, or this one for it.
        own = Playlist.objects.present().filter(made_by=user, short_id=short_id)
        found = own.select_for_update().first()
        if found is None or found.entries.exists():
            return False
        if Upload.objects.filter(playlist=found, state=UploadState.OPEN).exists():
            return False
        found.delete()
    return True


def forget_deleted_playlists() -> int:
    """Deletes playlists for good once nobody can restore them. Returns how many rows, with their
    entries."""
    return Playlist.objects.outdated().delete()[0]


def _check_room(playlist: Playlist) -> None:
    """Checks that the member may have this playlist besides the others. Two requests at once may
    create one more than the limit, which does no harm. Raises: ValidationError."""
    others = Playlist.objects.present().filter(made_by=playlist.made_by_id).exclude(pk=playlist.pk)
    if others.count() >= MAX_PLAYLISTS:
        raise ValidationError(
            {
                "title": f"You have {MAX_PLAYLISTS} playlists, the maximum. Delete one to create "
                "another."
            }
        )


def _record(playlist: Playlist, verb: str, **details: Any) -> None:
    record_on_thing_of(playlist.made_by_id, f"playlist.{verb}", playlist, **details)


def _checked(title: str, description: str) -> tuple[str, str]:
    """The cleaned texts. Raises: ValidationError."""
    title, description = clean_line(title), clean_text(description)
    if not title:
        raise ValidationError({"title": NAME_BLANK})
    if len(title) > MAX_TITLE_LENGTH:
        raise ValidationError({"title": NAME_TOO_LONG})
    if len(description) > MAX_DESCRIPTION:
        raise ValidationError({"description": DESCRIPTION_TOO_LONG})
    return title, description


# -- entries --------------------------------------------------------------------------------------


def add_to_playlist(
    *, playlist: Playlist, video: Video, user: User, also_deleted: bool = False
) -> PlaylistEntry:
    """Adds a video at the end; a video that has an entry keeps its position. `also_deleted`: also
    to a deleted playlist, which may still be restored.

    Raises: Playlist.DoesNotExist when it is not (or no longer) this member's; Video.DoesNotExist
    for a video that the member may not watch.
    """
    with transaction.atomic():
        _hold(playlist, user, also_deleted=also_deleted)
        _hold_video(video, user)
        last = playlist.entries.aggregate(last=Max("position"))["last"]
        entry, _ = PlaylistEntry.objects.get_or_create(
            playlist=playlist,
            video=video,
            defaults={"position": 0 if last is None else last + 1},
        )
    return entry


def remove_from_playlist(*, playlist: Playlist, video: Video, user: User) -> int | None:
    """Removes a video and returns its position, for `restore_to_playlist`; None when the playlist
    does not have it. Raises: Playlist.DoesNotExist as `add_to_playlist`."""
    with transaction.atomic():
        _hold(playlist, user)
        entry = playlist.entries.filter(video=video).first()
        if entry is None:
            return None
        entry.delete()
    return entry.position


def restore_to_playlist(
    *, playlist: Playlist, video: Video, user: User, position: int
) -> PlaylistEntry:
    """Adds a video at a position (0 or more), before an entry that has this position by now; a
    video that has an entry keeps its position. Raises: as `add_to_playlist`."""
    position = min(position, MAX_POSITION)
    with transaction.atomic():
        _hold(playlist, user)
        if (entry := playlist.entries.filter(video=video).first()) is not None:
            return entry
        _hold_video(video, user)
        if playlist.entries.filter(position=position).exists():
            later = playlist.entries.filter(position__gte=position)
            later.update(position=F("position") + 1)
        return playlist.entries.create(video=video, position=position)


# -- order ----------------------------------------------------------------------------------------


def move_entry_behind(*, playlist: Playlist, video: Video, user: User, other: Video | None) -> None:
    """Moves a video right behind another one of the playlist, or to the start (`other` is None).

    Raises: Playlist.DoesNotExist as `add_to_playlist`; PlaylistEntry.DoesNotExist when one of the
    two has no entry (any more).
    """
    with transaction.atomic():
        _hold(playlist, user)
        entry = playlist.entries.get(video=video)
        _place(entry, None if other is None else playlist.entries.get(video=other))


def move_entry_by_one(*, playlist: Playlist, video: Video, user: User, up: bool) -> None:
    """Moves a video past its neighbor among the videos that the member may watch; at either end
    nothing changes. Raises: as `move_entry_behind`."""
    with transaction.atomic():
        _hold(playlist, user)
        entry = playlist.entries.get(video=video)
        seen, place = playlist.entries.visible_to(user), (entry.position, entry.pk)
        if not up:
            _place(entry, seen.behind(*place).in_order().first() or entry)
            return
        before = list(seen.ahead_of(*place).in_order().reverse()[:2])
        if before:
            _place(entry, before[1] if len(before) > 1 else None)


def _place(entry: PlaylistEntry, other: PlaylistEntry | None) -> None:
    """Moves an entry behind the other one, or to the start (None), and shifts later positions if
    there is no gap."""
    if other == entry:
        return
    following = PlaylistEntry.objects.filter(playlist=entry.playlist_id).exclude(pk=entry.pk)
    if other is not None:
        following = following.behind(other.position, other.pk)
    entry.position = 0 if other is None else other.position + 1
    first = following.in_order().values_list("position", flat=True).first()
    if first is not None and first <= entry.position:
        following.update(position=F("position") + (entry.position + 1 - first))
    entry.save(update_fields=["position"])


def _hold(playlist: Playlist, user: User, *, also_deleted: bool = False) -> None:
    """Locks the member's playlist until the transaction ends, and updates its time of change.
    Raises: Playlist.DoesNotExist."""
    now = timezone.now()
    rows = Playlist.objects.all() if also_deleted else Playlist.objects.present()
    if rows.filter(pk=playlist.pk, made_by=user).update(updated_at=now):
        playlist.updated_at = now
    else:
        raise Playlist.DoesNotExist("no such playlist of this member")


def _hold_video(video: Video, user: User) -> None:
    """Locks the video against deletion until the transaction ends. Raises: Video.DoesNotExist when
    the member may not watch it."""
    seen = Video.objects.visible_to(user).select_for_update(no_key=True, of=("self",))
    seen.only("pk").get(pk=video.pk)
