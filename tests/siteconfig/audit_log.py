"""Builders of entries in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipset.lib.request_id import current_request_id, set_request_id
from siteconfig.actors import Actor, acting
from siteconfig.enums import Source
from siteconfig.models import AuditEntry
from siteconfig.services.audit import record
from siteconfig.services.config import current_config
from tests.builders import make_user
from videos.models import HiddenReason
from videos.services.hiding import hide_video, unhide_video

if TYPE_CHECKING:
    from django.db.models import Model

    from accounts.models import User
    from videos.models import Video


def actor_of(user: User) -> Actor:
    return Actor(user.pk, user.username, Source.ADMIN, is_staff=True, address="192.0.2.7")


def recorded(
    action: str, thing: Model | None, *, by: User, request_id: str = "", **details: Any
) -> AuditEntry:
    """Records an act, of the request with this id if there is one."""
    before = current_request_id()
    set_request_id(request_id)
    try:
        with acting(lambda: actor_of(by)):
            made = record(action, thing, **details)
    finally:
        set_request_id(before)
    assert made is not None
    return made


def hidden(video: Video, *, by: User, reason: str = "", request_id: str = "") -> AuditEntry:
    """Hides a video, in the request with this id if there is one."""
    before = current_request_id()
    set_request_id(request_id)
    try:
        with acting(lambda: actor_of(by)):
            kind = HiddenReason.OTHER if reason else HiddenReason.NOT_FOR_GROUP
            hide_video(video=video, by=by, reason=kind, text=reason)
    finally:
        set_request_id(before)
    return AuditEntry.objects.latest("pk")


def unhidden(video: Video, *, by: User) -> AuditEntry:
    hidden(video, by=by)
    with acting(lambda: actor_of(by)):
        unhide_video(video=video, by=by)
    return AuditEntry.objects.latest("pk")


def config_changed(*, by: User, **details: Any) -> AuditEntry:
    config = current_config()
    old, config.trash_days = config.trash_days, 7
    config.save()
    return recorded(
        "config.change",
        config,
        by=by,
        before={"trash_days": old},
        after={"trash_days": 7},
        **details,
    )


def of_kind(kind: str, *, by: User, rank: int | None = 0) -> AuditEntry:
    """An entry of a kind about something of a member with this rank."""
    verbs = {"member": "quota", "session": "start", "report": "resolve", "audit": "export"}
    member = None if rank is None else make_user().pk
    return recorded(
        f"{kind}.{verbs.get(kind, 'delete')}",
        None,
        by=by,
        name=f"{kind} of rank {rank}",
        member=member,
        rank=rank,
    )
