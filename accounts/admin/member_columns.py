"""The columns and read-only fields of members in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils.html import format_html

from accounts.models import Leaving, Role, Session, User
from accounts.services.leaving import GRACE_DAYS
from accounts.services.quota import quota_state
from accounts.services.stored_limit import stored_state
from clipset.database.limited import (
    LimitedCount,
    counted,
    limited_count,
    related_rows,
)
from clipset.lib.units import human_bytes
from clipset.ui.admin import state_word
from clipset.ui.admin_columns import age
from clipset.ui.template_tags import initials, tone
from siteconfig.models import Config

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.safestring import SafeString


def with_facts(users: QuerySet[User]) -> QuerySet[User]:
    """Adds what the columns show, so that the list needs one query for all of its rows.

    `video_total` counts at most MAX_COUNTED videos of each member, which an index holds.
    """
    site = Config.objects.filter(pk=Config.SINGLETON_ID)
    limit, days = site.values("weekly_upload_limit_bytes"), site.values("trash_days")
    sessions = Session.objects.filter(user=OuterRef("pk")).order_by("-last_seen_at")
    leavings = Leaving.objects.filter(member=OuterRef("pk"))
    seen = Subquery(sessions.values("last_seen_at")[:1])
    theirs = related_rows(User, "videos").filter(uploaded_by=OuterRef("pk"))
    return users.annotate(
        site_limit=Subquery(limit[:1]),
        site_stored_limit=Subquery(site.values("stored_limit_bytes")[:1]),
        trash_days=Subquery(days[:1]),
        leaving_since=Subquery(leavings.values("requested_at")[:1]),
        # Either may be missing; after a log-out there is no session any more.
        active_at=Greatest(Coalesce(seen, F("last_login")), Coalesce(F("last_login"), seen)),
        video_total=LimitedCount(theirs),
    )


def counts_of_deactivation(users: QuerySet[User], me: User) -> dict[str, int | str]:
    """Returns how many of the selected members would be deactivated, and what ends by that."""
    changed = User.objects.filter(pk__in=users.order_by().values("pk"), is_active=True)
    changed = changed.exclude(pk=me.pk)
    if not me.is_admin:
        changed = changed.filter(role=Role.USER)
    log_ins = Session.objects.filter(user__in=changed)
    return {
        "members to deactivate": changed.count(),
        "log-ins that end": counted(limited_count(log_ins)),
    }


class MemberColumns:
    """What UserAdmin shows of a member. `with_facts` adds the annotations."""

    @admin.display(description="Picture")
    def picture(self, user: User) -> SafeString:
        if user.avatar_url is None:
            css = f"avatar avatar--32 avatar--t{tone(user.username)}"
            return format_html(
                '<span class="{}" aria-hidden="true">{}</span>', css, initials(user.username)
            )
        return format_html(
            '<img class="thumb thumb--round" src="{}" width="36" height="36" alt=""'
            ' loading="lazy">',
            user.avatar_url,
        )

    @admin.display(description="State", ordering="is_active")
    def state(self, user: User) -> SafeString:
        leaving_since = user.leaving_since  # type: ignore[attr-defined] # annotated
        if user.is_active and leaving_since is not None:
            until = f"{leaving_since + timedelta(days=GRACE_DAYS):%-d %B}"
            return state_word("leaving", f"Deletes their account on {until}", "warn")
        if user.is_active:
            return state_word("active", "Active", "good")
        if user.deleting_since is None and user.trashed_at is not None:
            days = timedelta(days=user.trash_days or 0)  # type: ignore[attr-defined] # annotated
            until = f"In the trash until {user.trashed_at + days:%-d %B}"
            return state_word("trashed", until, "warn")
        if user.deleting_since is not None:
            left = counted(user.video_total, "video")  # type: ignore[attr-defined] # annotated
            return state_word("deleting", f"Being deleted, {left} left", "danger")
        return state_word("inactive", "Deactivated", "danger")

    @admin.display(description="Uploaded this week", ordering="weekly_upload_bytes")
    def quota(self, user: User) -> SafeString:
        site_limit = user.site_limit  # type: ignore[attr-defined] # annotated
        state = quota_state(user, config=Config(weekly_upload_limit_bytes=site_limit))
        used = human_bytes(state.used_bytes)
        if state.limit_bytes is None:
            return _amounts("{}, no limit", used)
        return _amounts("{} of {}", used, human_bytes(state.limit_bytes))

    @admin.display(description="Stored", ordering="stored_bytes")
    def stored(self, user: User) -> SafeString:
        site_limit = user.site_stored_limit  # type: ignore[attr-defined] # annotated
        state = stored_state(user, config=Config(stored_limit_bytes=site_limit))
        used = human_bytes(state.used_bytes)
        if state.limit_bytes is None:
            return _amounts("{}", used)
        return _amounts("{} of {}", used, human_bytes(state.limit_bytes))

    @admin.display(description="Custom weekly limit")
    def own_limit(self, user: User) -> str:
        limit = user.weekly_upload_limit_bytes
        return "–" if limit is None else human_bytes(limit)

    @admin.display(description="Custom storage limit")
    def own_stored_limit(self, user: User) -> str:
        limit = user.stored_limit_bytes
        return "–" if limit is None else human_bytes(limit)

    @admin.display(description="Last activity", ordering="active_at")
    def seen(self, user: User) -> SafeString | str:
        moment = user.active_at  # type: ignore[attr-defined] # annotated
        return age(moment) if moment else "Never"

    @admin.display(description="Profile")
    def on_site(self, user: User) -> SafeString | str:
        if user.is_trashed:
            return "–"
        return format_html('<a href="{}">Profile</a>', user.get_absolute_url())


def _amounts(sentence: str, *sizes: str) -> SafeString:
    """A sentence with sizes, whose numbers and units stay on one line."""
    return format_html(sentence, *(format_html('<span class="amount">{}</span>', s) for s in sizes))
