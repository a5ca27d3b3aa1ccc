"""Guest links: creating, revoking and restoring them, and counting views."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.services.throttle import allow
from clipset.lib.ids import hash_token, new_token
from clipset.lib.text import clean_line
from siteconfig.services.heartbeat import alive_before
from videos.models import GuestLink, Video
from videos.models.guest_link import MAX_ACTIVE_LINKS, MAX_NOTE
from videos.querysets import UNDO_WITHIN
from videos.services.audit import record_on_guest_link

if TYPE_CHECKING:
    from accounts.models import User

MAX_LIFETIME: Final = timedelta(days=365)
KEEP_DAYS: Final = 30  # after a link expired or was revoked


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedGuestLink:
    """A new link with its token, which is not stored and cannot be shown again."""

    link: GuestLink
    token: str


def create_guest_link(
    *, video: Video, created_by: User, lifetime: timedelta, note: str = ""
) -> IssuedGuestLink:
    """Creates a guest link to the creator's own video.

    Raises: ValidationError when the video is not the creator's, not ready or hidden, when the
    lifetime is too long, or when the video has too many active links.
    """
    if video.uploaded_by_id != created_by.pk:
        raise ValidationError("Only the uploader can create guest links.")
    if not timedelta(0) < lifetime <= MAX_LIFETIME:
        raise ValidationError("A guest link can last a year at most.")
    now, token = timezone.now(), new_token()
    with transaction.atomic():
        # The lock lets one request at a time count the links.
        current = Video.objects.select_for_update().filter(pk=video.pk).first()
        if current is None or not current.is_ready:
            raise ValidationError("This video isn't ready yet. Create a guest link once it is.")
        if current.is_trashed:
            raise ValidationError("This video is in the trash, so a guest link wouldn't work.")
        if current.is_hidden:
            raise ValidationError("This video is hidden, so a guest link wouldn't work.")
        _check_room(current)
        link = GuestLink.objects.create(
            video=current,
            created_by=created_by,
            token_hash=hash_token(token),
            note=clean_line(note)[:MAX_NOTE],
            created_at=now,
            expires_at=now + lifetime,
        )
        facts = {"video": str(current.pk), "expires_at": link.expires_at.isoformat()}
        record_on_guest_link("guest_link.create", link, after=facts)
    return IssuedGuestLink(link=link, token=token)


def revoke_guest_link(*, link: GuestLink) -> bool:
    """Revokes a link. False when it was revoked before."""
    now = timezone.now()
    with transaction.atomic():
        if not GuestLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now):
            return False
        before, after = {"revoked_at": None}, {"revoked_at": now.isoformat()}
        record_on_guest_link("guest_link.revoke", link, before=before, after=after)
    return True


def restore_guest_link(*, link: GuestLink) -> bool:
    """Undoes a revocation of the last ten minutes. False when there is none.

    Raises: ValidationError when the video has too many other active links by now.
    """
    since = timezone.now() - UNDO_WITHIN
    with transaction.atomic():
        video = Video.objects.select_for_update().filter(pk=link.video_id).first()
        revoked = GuestLink.objects.filter(pk=link.pk, revoked_at__gt=since)
        if video is None or not revoked.exists():
            return False
        _check_room(video)
        if not revoked.update(revoked_at=None):
            return False
        record_on_guest_link("guest_link.restore", link, after={"revoked_at": None})
    return True


def _check_room(video: Video) -> None:
    """Checks that the video may have one more active link. The caller has locked the video. Raises:
    ValidationError."""
    active = video.guest_links.filter(revoked_at=None, expires_at__gt=timezone.now())
    if active.count() >= MAX_ACTIVE_LINKS:
        raise ValidationError(
            f"This video has {MAX_ACTIVE_LINKS} active links, the maximum. Revoke one to create "
            "another."
        )


def count_guest_view(*, token: str, client: str) -> bool:
    """Counts a view once a day for each client address. False when it was counted already. The
    caller has checked that the link is active."""
    hashed = hash_token(token)
    if not allow("guest view", f"{hashed}:{client}", times=1, within=timedelta(days=1)):
        return False
    changed = GuestLink.objects.filter(token_hash=hashed).update(
        view_count=F("view_count") + 1, last_viewed_at=timezone.now()
    )
    return bool(changed)


def forget_ended_links() -> int:
    """Deletes links that expired or were revoked 30 days ago. Returns how many."""
    before = alive_before(days=KEEP_DAYS)
    over = GuestLink.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before))
    return over.delete()[0]
