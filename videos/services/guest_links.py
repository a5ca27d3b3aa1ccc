"""Opening a video to people who are no members."""

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

if TYPE_CHECKING:
    from accounts.models import User

LONGEST: Final = timedelta(days=365)
KEPT_DAYS: Final = 30  # on the list, once it is over


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedGuestLink:
    """A link with its token, which cannot be had again."""

    link: GuestLink
    token: str


def create_guest_link(
    *, video: Video, created_by: User, lifetime: timedelta, note: str = ""
) -> IssuedGuestLink:
    """Raises ValidationError when it would open nothing or stay open for too long, when the video
    has too many, and where somebody else sent the video."""
    if video.uploaded_by_id != created_by.pk:
        raise ValidationError("Only the uploader can create guest links.")
    if not timedelta(0) < lifetime <= LONGEST:
        raise ValidationError("A guest link lasts a year at most.")
    now, token = timezone.now(), new_token()
    with transaction.atomic():
        # One after the other, so that no number of requests at once makes more than there may be.
        current = Video.objects.select_for_update().filter(pk=video.pk).first()
        if current is None or not current.is_ready:
            raise ValidationError("Guests can see it once it is ready. Make a link then.")
        if current.is_hidden:
            raise ValidationError("This video is hidden: a link would open nothing.")
        _check_room(current)
        link = GuestLink.objects.create(
            video=current,
            created_by=created_by,
            token_hash=hash_token(token),
            note=clean_line(note)[:MAX_NOTE],
            created_at=now,
            expires_at=now + lifetime,
        )
    return IssuedGuestLink(link=link, token=token)


def revoke_guest_link(*, link: GuestLink) -> bool:
    """It opens nothing from now on; False when it was revoked before."""
    changed = GuestLink.objects.filter(pk=link.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    return bool(changed)


def restore_guest_link(*, link: GuestLink) -> bool:
    """Undoes a revocation of a moment ago; False when there is none. Raises ValidationError when
    the video has too many others by now."""
    since = timezone.now() - UNDO_WITHIN
    with transaction.atomic():
        video = Video.objects.select_for_update().filter(pk=link.video_id).first()
        revoked = GuestLink.objects.filter(pk=link.pk, revoked_at__gt=since)
        if video is None or not revoked.exists():
            return False
        _check_room(video)
        return bool(revoked.update(revoked_at=None))


def _check_room(video: Video) -> None:
    """Whether there may be one more; whoever asks holds the video. Raises ValidationError."""
    open_now = video.guest_links.filter(revoked_at=None, expires_at__gt=timezone.now())
    if open_now.count() >= MAX_ACTIVE_LINKS:
        raise ValidationError(
            f"This video has {MAX_ACTIVE_LINKS} active links, the maximum. Revoke one to create "
            "another."
        )


def count_guest_view(*, token: str, client: str) -> bool:
    """Once a day for a client's address; False when it was counted already. The caller has seen
    that the link is open."""
    hashed = hash_token(token)
    if not allow("guest view", f"{hashed}:{client}", times=1, within=timedelta(days=1)):
        return False
    changed = GuestLink.objects.filter(token_hash=hashed).update(
        view_count=F("view_count") + 1, last_viewed_at=timezone.now()
    )
    return bool(changed)


def forget_ended_links() -> int:
    """Removes those that were over for long; returns how many."""
    before = alive_before(days=KEPT_DAYS)
    over = GuestLink.objects.filter(Q(expires_at__lt=before) | Q(revoked_at__lt=before))
    return over.delete()[0]
