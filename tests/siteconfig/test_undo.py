"""Undoing acts of the audit log: each kind, who may, what refuses, two at once."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import Role, User
from accounts.services.quota import (
    RESET_SINCE,
    Counter,
    reserve_quota,
    reset_quota,
    undo_reset,
    week_start,
)
from accounts.services.trash import restore_member, trash_members
from clipset.lib.refusals import RefusedError
from clipset.lib.request_id import set_request_id
from clipset.ui.undo_tags import marked_request, undo_tag
from siteconfig.actors import acting
from siteconfig.models import AuditEntry
from siteconfig.services.config import current_config
from siteconfig.services.undo import ALREADY_UNDONE, CANNOT_BE_UNDONE, undo_entry, undo_request
from siteconfig.undo import CHANGED_SINCE, GONE, NOT_ALLOWED, undoable_actions
from siteconfig.undo_sentences import undone_sentence
from tests.accounts.together import together
from tests.builders import make_admin, make_category, make_moderator, make_user, make_video
from tests.siteconfig.audit_log import actor_of, config_changed, hidden, recorded, unhidden
from videos.models import Comment, HiddenReason, Report, Video, VideoDeletion
from videos.services.comments import delete_comment, restore_comment
from videos.services.details import move_to_category
from videos.services.hiding import hide_comment, hide_video, unhide_comment, unhide_video
from videos.services.reports import reject_report, reopen_report, report_video, resolve_report
from videos.services.trash import GOING, restore_video, trash_video
from videos.undo import CATEGORY_GONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db

LOG = "/admin/siteconfig/auditentry/"
UNDO = f"{LOG}undo/"
GB = 1024**3


def undo(entry: AuditEntry, by: User) -> AuditEntry:
    set_request_id("")  # that of a request before stays set in this thread
    with acting(lambda: actor_of(by)):
        return undo_entry(entry=entry, by=by)


def refusal(entry: AuditEntry, by: User) -> str:
    with pytest.raises((RefusedError, ValidationError)) as found:
        undo(entry, by)
    assert not AuditEntry.objects.filter(undoes=entry.pk).exists()
    return str(getattr(found.value, "sentence", found.value))


def changed_member(
    action: str, before: dict[str, Any], after: dict[str, Any], *, by: User, **fields: Any
) -> AuditEntry:
    """Records an act on a new member, and makes them as it leaves them."""
    user = make_user(**fields)
    User.objects.filter(pk=user.pk).update(**after)
    return recorded(action, user, by=by, member=user.pk, rank=0, before=before, after=after)


def quota_reset(by: User) -> AuditEntry:
    now = timezone.now()
    user = make_user(weekly_upload_bytes=3 * GB, last_upload_reset=week_start(now))
    with acting(lambda: actor_of(by)):
        reset_quota(users=[user.pk], now=now)
    return AuditEntry.objects.latest("pk")


def with_role(by: User) -> AuditEntry:
    user = make_moderator()
    before, after = {"role": "USER"}, {"role": "MODERATOR"}
    return recorded("member.role", user, by=by, member=user.pk, rank=0, before=before, after=after)


def moved(by: User, *, kept: bool = True) -> AuditEntry:
    old, new = make_category("Music"), make_category("Sports")
    video = make_video("Sunset", category=new)
    old_id = str(old.pk)
    if not kept:
        old.delete()
    return recorded(
        "video.move",
        video,
        by=by,
        member=video.uploaded_by_id,
        rank=0,
        before={"category_id": old_id, "category": "Music"},
        after={"category_id": str(new.pk), "category": "Sports"},
    )


def trashed(by: User) -> AuditEntry:
    with acting(lambda: actor_of(by)):
        trash_video(video=make_video("Sunset"), by=by)
    return AuditEntry.objects.latest("pk")


def member_trashed(by: User) -> AuditEntry:
    with acting(lambda: actor_of(by)):
        trash_members(users=[make_user()], by=by)
    return AuditEntry.objects.latest("pk")


def comment_of_a_member() -> Comment:
    return Comment.objects.create(video=make_video(), author=make_user(), text="Hello")


def comment_deleted(by: User) -> AuditEntry:
    with acting(lambda: actor_of(by)):
        delete_comment(comment=comment_of_a_member(), by=by)
    return AuditEntry.objects.latest("pk")


def comment_hidden(by: User) -> AuditEntry:
    with acting(lambda: actor_of(by)):
        hide_comment(comment=comment_of_a_member(), by=by, reason=HiddenReason.HARASSMENT)
    return AuditEntry.objects.latest("pk")


def comment_unhidden(by: User) -> AuditEntry:
    comment = Comment.objects.get(pk=comment_hidden(by).object_id)
    with acting(lambda: actor_of(by)):
        unhide_comment(comment=comment, by=by)
    return AuditEntry.objects.latest("pk")


def report_handled(by: User, handle: Callable[..., object]) -> AuditEntry:
    report = report_video(video=make_video(), reporter=make_user(), reason="HARASSMENT")
    with acting(lambda: actor_of(by)):
        handle(report=report, by=by)
    return AuditEntry.objects.latest("pk")


# -- What can be undone ---------------------------------------------------------------------------
ACTS: dict[str, Callable[[User], AuditEntry]] = {
    "video.hide": lambda by: hidden(make_video("Sunset"), by=by),
    "video.unhide": lambda by: unhidden(make_video("Sunset"), by=by),
    "video.move": moved,
    "video.trash": trashed,
    "comment.delete": comment_deleted,
    "comment.hide": comment_hidden,
    "comment.unhide": comment_unhidden,
    "member.trash": member_trashed,
    "report.reject": lambda by: report_handled(by, reject_report),
    "report.resolve": lambda by: report_handled(by, resolve_report),
    "member.deactivate": lambda by: changed_member(
        "member.deactivate", {"is_active": True}, {"is_active": False}, by=by
    ),
    "member.activate": lambda by: changed_member(
        "member.activate", {"is_active": False}, {"is_active": True}, by=by
    ),
    "member.quota": lambda by: changed_member(
        "member.quota",
        {"weekly_upload_limit_bytes": None},
        {"weekly_upload_limit_bytes": 2 * GB},
        by=by,
    ),
    "member.quota, reset": quota_reset,
    "member.storage": lambda by: changed_member(
        "member.storage",
        {"stored_limit_bytes": None},
        {"stored_limit_bytes": 2 * GB},
        by=by,
    ),
    "member.role": with_role,
    "config.change": lambda by: config_changed(by=by),
}
ADMINS_UNDO = {"member.role", "member.trash", "config.change"}
MODELS: dict[str, Any] = {"video": Video, "comment": Comment, "member": User, "report": Report}
# Their undo restores something, and is no act that could be undone.
RESTORED = {"video.trash", "comment.delete", "member.trash", "report.reject", "report.resolve"}


def plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def values(entry: AuditEntry) -> dict[str, Any]:
    """The present values of what an act changed."""
    model = MODELS.get(entry.object_kind, type(current_config()))
    thing = model.objects.get(pk=entry.object_id)
    found = {name: plain(getattr(thing, name)) for name in entry.before if hasattr(thing, name)}
    # A category is stored by its id; beside it the entry has its name.
    return {name: value for name, value in found.items() if not isinstance(value, Model)}


@pytest.mark.parametrize("action", ACTS)
def test_an_admin_undoes_an_act_and_the_log_says_so(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    counter = undo(entry, admin)
    assert {name: str(value) for name, value in values(entry).items()} == {
        name: str(entry.before[name]) for name in values(entry)
    }
    assert (counter.undoes, counter.actor_id) == (entry.pk, admin.pk)
    assert (counter.object_id, counter.member_id) == (entry.object_id, entry.member_id)
    assert [*AuditEntry.objects.filter(pk__gt=entry.pk)] == [counter]
    tested = {name.partition(",")[0] for name in ACTS}
    assert undoable_actions() == sorted(tested), "every act that can be undone is tested"


@pytest.mark.parametrize("action", sorted(ACTS.keys() - RESTORED))
def test_an_undo_can_be_undone(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    left = values(entry)
    undo(undo(entry, admin), admin)
    assert values(entry) == left


@pytest.mark.parametrize("action", sorted(RESTORED))
def test_what_was_restored_cannot_be_restored_again(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    counter = undo(entry, admin)
    assert refusal(counter, admin) == CANNOT_BE_UNDONE
    with pytest.raises(RefusedError, match=ALREADY_UNDONE):
        undo(entry, admin)


@pytest.mark.parametrize("action", sorted(RESTORED))
def test_what_others_restored_since_is_not_restored_by_an_undo(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    found: Any = MODELS[entry.object_kind].objects.get(pk=entry.object_id)
    if action == "comment.delete":
        restore_comment(comment=found)
    elif entry.object_kind == "report":
        reopen_report(report=found, by=admin)
    elif action == "video.trash":
        restore_video(video=found, by=admin)
    else:
        restore_member(user=found, by=admin)
    assert refusal(entry, admin) == CHANGED_SINCE


@pytest.mark.parametrize("action", ["comment.hide", "comment.unhide"])
def test_the_visibility_of_a_deleted_comment_stays(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    delete_comment(comment=Comment.objects.get(pk=entry.object_id), by=admin)
    assert refusal(entry, admin) == CHANGED_SINCE


def test_a_comment_whose_text_was_removed_stays_deleted() -> None:
    admin = make_admin()
    entry = comment_deleted(admin)
    Comment.objects.filter(pk=entry.object_id).update(text="")
    assert "too late" in refusal(entry, admin)


def test_a_video_that_is_being_deleted_for_good_stays_in_the_trash() -> None:
    admin = make_admin()
    entry = trashed(admin)
    VideoDeletion.objects.create(video_id=entry.object_id, requested_by=admin, is_for_good=True)
    assert GOING in refusal(entry, admin)


def test_a_member_who_was_deactivated_before_is_restored_so() -> None:
    admin, user = make_admin(), make_user(is_active=False)
    with acting(lambda: actor_of(admin)):
        trash_members(users=[user], by=admin)
    undo(AuditEntry.objects.latest("pk"), admin)
    user.refresh_from_db()
    assert (user.is_trashed, user.is_active) == (False, False)


@pytest.mark.parametrize("action", sorted(ACTS.keys() - RESTORED))
def test_an_act_is_undone_once(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    undo(undo(entry, admin), admin)  # now it is again as the entry left it
    with pytest.raises(RefusedError, match=ALREADY_UNDONE):
        undo(entry, admin)


@pytest.mark.parametrize("action", ACTS)
def test_a_moderator_undoes_what_moderators_do_to_members_below(action: str) -> None:
    entry = ACTS[action](make_admin())
    moderator = make_moderator()
    if action in ADMINS_UNDO:
        assert refusal(entry, moderator) == NOT_ALLOWED
    else:
        assert undo(entry, moderator).actor_id == moderator.pk


@pytest.mark.parametrize("action", ACTS)
def test_members_undo_nothing(action: str) -> None:
    entry = ACTS[action](make_admin())
    assert refusal(entry, make_user()) == NOT_ALLOWED


def test_a_moderator_undoes_nothing_about_those_who_rank_above_by_now() -> None:
    admin, moderator = make_admin(), make_moderator()
    entries = [hidden(make_video(), by=admin), ACTS["member.quota"](admin)]
    User.objects.exclude(pk__in=[admin.pk, moderator.pk]).update(role=Role.MODERATOR, is_staff=True)
    assert [refusal(entry, moderator) for entry in entries] == [NOT_ALLOWED] * 2


def own_acts(moderator: User, owner: User) -> list[AuditEntry]:
    """What a moderator does to a video and a comment of this member."""
    video, other = make_video("Sunset", uploader=owner), make_video(uploader=owner)
    comment = Comment.objects.create(video=video, author=owner, text="Hello")
    deleted = Comment.objects.create(video=video, author=owner, text="Bye")
    category = make_category()
    before = AuditEntry.objects.count()
    with acting(lambda: actor_of(moderator)):
        hide_video(video=video, by=moderator, reason=HiddenReason.PRIVACY)
        move_to_category(video=video, category=category)
        trash_video(video=other, by=moderator)
        hide_comment(comment=comment, by=moderator, reason=HiddenReason.HARASSMENT)
        delete_comment(comment=deleted, by=moderator)
    return [*AuditEntry.objects.order_by("pk")[before:]]


@pytest.mark.parametrize("make_owner", [make_admin, make_moderator])
def test_a_moderator_undoes_their_own_acts_on_things_of_admins_and_peers(
    client: Client, make_owner: Callable[[], User]
) -> None:
    moderator = make_moderator()
    entries = own_acts(moderator, make_owner())
    client.force_login(moderator)
    page = client.get(LOG).text
    for entry in entries:
        assert f'name="entry" value="{entry.pk}"' in page
        response = client.post(UNDO, {"entry": entry.pk})
        assert said(response)[-1] == undone_sentence([entry])
    assert AuditEntry.objects.filter(undoes__isnull=False).count() == len(entries) == 5


@pytest.mark.parametrize("make_owner", [make_admin, make_moderator])
def test_a_moderator_neither_reads_nor_undoes_what_others_did_to_admins_and_peers(
    client: Client, make_owner: Callable[[], User]
) -> None:
    owner = make_owner()
    entries = own_acts(make_admin(), owner) + own_acts(make_moderator(), owner)
    for reader in (make_moderator(), owner):
        if reader.is_admin:
            continue
        client.force_login(reader)
        page = client.get(LOG).text
        for entry in entries:
            assert f"entry-{entry.pk}" not in page
            assert client.get(f"{LOG}{entry.pk}/change/").status_code == 404
            assert client.post(UNDO, {"entry": entry.pk}).status_code == 404
            assert refusal(entry, reader) == NOT_ALLOWED
    for entry in entries:
        assert undo(entry, make_admin()).undoes == entry.pk


def test_a_moderator_is_not_told_which_admin_undid_their_act(client: Client) -> None:
    moderator, admin = make_moderator(), make_admin()
    entry = hidden(make_video(uploader=make_admin()), by=moderator)
    undo(entry, admin)
    client.force_login(moderator)
    for page in (LOG, f"{LOG}{entry.pk}/change/"):
        text = client.get(page).text
        assert "Undone" in text
        assert "Undone by" not in text


@pytest.mark.parametrize("make_owner", [make_admin, make_user])
def test_what_somebody_else_hid_or_deleted_again_since_stays(
    make_owner: Callable[[], User],
) -> None:
    moderator, admin = make_moderator(), make_admin()
    hide, _, trash, of_comment, delete = own_acts(moderator, make_owner())
    for entry in (trash, of_comment, delete, hide):
        undo(entry, moderator)
    video = Video.objects.get(pk=hide.object_id)
    again = hidden(video, by=moderator)
    unhide_video(video=video, by=admin)
    with acting(lambda: actor_of(admin)):
        hide_video(video=video, by=admin, reason=HiddenReason.NOT_FOR_GROUP)
    assert refusal(again, moderator) == CHANGED_SINCE
    again = trashed(moderator)
    video = Video.objects.get(pk=again.object_id)
    restore_video(video=video, by=admin)
    trash_video(video=video, by=admin)
    assert refusal(again, moderator) == CHANGED_SINCE


def test_only_who_acts_undoes() -> None:
    admin = make_admin()
    entry = hidden(make_video(), by=admin)
    for actor in (None, actor_of(make_admin())):
        with acting(lambda actor=actor: actor), pytest.raises(RefusedError):  # type: ignore[misc]
            undo_entry(entry=entry, by=admin)


# -- What refuses ---------------------------------------------------------------------------------
def test_what_somebody_changed_since_stays() -> None:
    admin = make_admin()
    video = make_video()
    entry = hidden(video, by=admin)
    unhide_video(video=video, by=admin)
    assert refusal(entry, admin) == CHANGED_SINCE
    config = config_changed(by=admin)
    later = current_config()
    later.trash_days = 9
    later.save()
    assert refusal(config, admin) == CHANGED_SINCE
    assert current_config().trash_days == 9
    quota = ACTS["member.quota"](admin)
    User.objects.filter(pk=quota.object_id).update(weekly_upload_limit_bytes=5)
    assert refusal(quota, admin) == CHANGED_SINCE


def test_what_was_uploaded_since_a_reset_still_counts_after_its_undo() -> None:
    admin = make_admin()
    entry = quota_reset(admin)
    user = User.objects.get(pk=entry.object_id)
    assert reserve_quota(user=user, size=GB) is not None
    counter = undo(entry, admin)
    user.refresh_from_db()
    assert user.weekly_upload_bytes == 4 * GB
    undo(counter, admin)
    user.refresh_from_db()
    assert user.weekly_upload_bytes == GB


def test_an_undone_reset_of_an_outdated_counter_leaves_what_was_uploaded_since() -> None:
    admin, start = make_admin(), week_start(timezone.now())
    user = make_user(weekly_upload_bytes=3 * GB, last_upload_reset=start - timedelta(days=9))
    with acting(lambda: actor_of(admin)):
        reset_quota(users=[user.pk])
    assert reserve_quota(user=user, size=GB) is not None
    undo(AuditEntry.objects.latest("pk"), admin)
    user.refresh_from_db()
    assert (user.weekly_upload_bytes, user.last_upload_reset) == (GB, start)


def test_a_reset_is_not_undone_after_another_one_or_in_the_next_week() -> None:
    admin = make_admin()
    again, last_week = quota_reset(admin), quota_reset(admin)
    reset_quota(users=[User.objects.get(pk=again.object_id).pk])
    assert refusal(again, admin) == RESET_SINCE
    before = Counter.of_values(last_week.before)
    with pytest.raises(RefusedError, match=RESET_SINCE):
        undo_reset(
            user=User.objects.get(pk=last_week.object_id),
            before=before,
            after=Counter.of_values(last_week.after),
            now=timezone.now() + timedelta(days=7),
        )


def test_other_changes_of_the_configuration_stay() -> None:
    admin = make_admin()
    entry = config_changed(by=admin)
    config = current_config()
    config.make_480p = False
    config.save()
    undo(entry, admin)
    assert (current_config().trash_days, current_config().make_480p) == (30, False)
    assert current_config().updated_by == admin


def test_what_is_gone_cannot_be_undone() -> None:
    admin = make_admin()
    video, user = make_video(), make_user()
    entries = [hidden(video, by=admin), ACTS["member.quota"](admin)]
    video.delete()
    User.objects.filter(pk=entries[1].object_id).delete()
    assert [refusal(entry, admin) for entry in entries] == [GONE, GONE]
    assert user.is_active


def test_a_video_goes_back_only_into_a_category_that_exists() -> None:
    admin = make_admin()
    assert refusal(moved(admin, kept=False), admin) == CATEGORY_GONE % {"name": "Music"}


def test_rules_of_the_services_hold() -> None:
    admin = make_admin("only")
    user = make_user("bob", role=Role.ADMIN)
    entry = recorded(
        "member.role", user, by=admin, before={"role": "USER"}, after={"role": "ADMIN"}
    )
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert "only active admin" in refusal(entry, user)
    me = recorded(
        "member.activate", user, by=admin, before={"is_active": False}, after={"is_active": True}
    )
    assert refusal(me, user) == NOT_ALLOWED


@pytest.mark.parametrize("action", ["video.edit", "session.start", "thing.turn"])
def test_other_acts_cannot_be_undone(action: str) -> None:
    admin = make_admin()
    assert refusal(recorded(action, None, by=admin, before={"a": 1}), admin) == CANNOT_BE_UNDONE


@pytest.mark.parametrize("values", [{}, {"before": {"is_hidden": False}}, {"after": {"a": 1}}])
def test_entries_without_values_cannot_be_undone(values: dict[str, Any]) -> None:
    admin = make_admin()
    entry = recorded("video.hide", make_video(), by=admin, **values)
    assert refusal(entry, admin) == CANNOT_BE_UNDONE


def test_a_failed_undo_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = make_admin()
    video = make_video()
    entry = hidden(video, by=admin)

    def fail(*_args: object, **_details: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("siteconfig.services.audit._entry", fail)
    with pytest.raises(ZeroDivisionError):
        undo(entry, admin)
    video.refresh_from_db()
    assert video.is_hidden


# -- Two at once ----------------------------------------------------------------------------------
def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except RefusedError as error:
        return error.sentence
    return "done"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["video.hide", "member.deactivate", "config.change"])
def test_of_two_undos_at_once_one_is_done(action: str) -> None:
    admin = make_admin()
    entry = ACTS[action](admin)
    outcomes = together([lambda: outcome(lambda: undo(entry, admin))] * 2)
    assert sorted(outcomes) == sorted(["done", ALREADY_UNDONE])
    assert AuditEntry.objects.filter(undoes=entry.pk).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_undo_waits_for_a_change_at_the_same_moment() -> None:
    """Either the undo comes first, or it sees the change and refuses."""
    admin = make_admin()
    entry = ACTS["member.quota"](admin)

    def change() -> str:
        with transaction.atomic():
            user = User.objects.select_for_update().get(pk=entry.object_id)
            user.weekly_upload_limit_bytes = 7 * GB
            user.save(update_fields=["weekly_upload_limit_bytes"])
        return "changed"

    _, undone = together([change, lambda: outcome(lambda: undo(entry, admin))])
    limit = User.objects.get(pk=entry.object_id).weekly_upload_limit_bytes
    assert undone in {"done", CHANGED_SINCE}
    assert limit == 7 * GB or (undone, limit) == ("done", None)
    if undone == CHANGED_SINCE:
        assert limit == 7 * GB


# -- Pages ----------------------------------------------------------------------------------------
def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_button_in_the_log_undoes_an_act(client: Client) -> None:
    admin = make_admin("root_")
    video = make_video("Sunset")
    entry = hidden(video, by=admin)
    client.force_login(admin)
    for page in (LOG, f"{LOG}{entry.pk}/change/"):
        assert f'name="entry" value="{entry.pk}"' in client.get(page).content.decode()
    response = client.post(UNDO, {"entry": entry.pk, "next": f"{LOG}?kind=video"})
    assert response["Location"] == f"{LOG}?kind=video"
    assert said(response) == ["Undone: Hid the video “Sunset”"]
    video.refresh_from_db()
    assert not video.is_hidden
    again = client.get(f"{LOG}{entry.pk}/change/").content.decode()
    assert f'name="entry" value="{entry.pk}"' not in again
    assert "Undone by" in again
    assert said(client.post(UNDO, {"entry": entry.pk})) == [ALREADY_UNDONE]


def test_an_undo_leads_back_to_the_row_or_to_its_message(client: Client) -> None:
    admin, video = make_admin(), make_video()
    entry = hidden(video, by=admin)
    client.force_login(admin)
    [row] = re.findall(r'name="next"\s+value="([^"]+)"', client.get(LOG).text)
    assert row == f"{LOG}#entry-{entry.pk}"
    assert client.post(UNDO, {"entry": entry.pk, "next": row})["Location"] == row
    page = client.get(LOG).text
    assert f'id="entry-{entry.pk}" tabindex="-1"' in page
    shown = r'<li class="success"\s+tabindex="-1" autofocus><span id="message-1">Undone: Hid'
    assert re.search(shown, page)
    # Only the message says why nothing was undone.
    assert client.post(UNDO, {"entry": entry.pk, "next": row})["Location"] == LOG
    assert re.search(r'autofocus><span id="message-1">This has already', client.get(LOG).text)


def test_htmx_loads_its_page_again_in_place_after_an_undo(client: Client) -> None:
    admin, video = make_admin(), make_video("Sunset")
    hidden(video, by=admin, request_id=REQUEST)
    client.force_login(admin)
    answer = client.post(UNDO, {"request": REQUEST}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content, answer["HX-Refresh"]) == (200, b"", "true")
    page = client.get(video.get_absolute_url()).text
    toast = page[page.index('<clip-toast class="toast toast--success"') :]
    assert re.match(r'[^>]+tabindex="-1" autofocus>', toast)
    assert "Undone: Hid the video “Sunset”" in toast


def test_a_refused_undo_says_why(client: Client) -> None:
    admin = make_admin()
    video = make_video()
    entry = hidden(video, by=admin)
    unhide_video(video=video, by=admin)
    client.force_login(admin)
    assert said(client.post(UNDO, {"entry": entry.pk})) == [CHANGED_SINCE]


@pytest.mark.parametrize(
    "next_page", ["", "https://evil.example/", "//evil.example", "javascript:alert(1)", "\x00"]
)
def test_an_undo_leads_to_pages_of_this_site_only(client: Client, next_page: str) -> None:
    client.force_login(make_admin())
    assert client.post(UNDO, {"request": "x", "next": next_page})["Location"] == LOG


def test_an_undo_needs_a_post_and_an_entry_that_one_may_read(client: Client) -> None:
    entry = config_changed(by=make_admin())
    client.force_login(make_moderator())
    assert client.get(UNDO).status_code == 405
    assert client.post(UNDO, {"entry": entry.pk}).status_code == 404
    assert client.post(UNDO, {"entry": "9" * 30}).status_code == 404
    client.force_login(make_user())
    assert client.post(UNDO, {"entry": entry.pk}).status_code == 302
    assert not AuditEntry.objects.exclude(pk=entry.pk).exists()


# -- All acts of a request ------------------------------------------------------------------------
REQUEST = "0123456789abcdef"


def test_all_acts_of_a_request_are_undone_together(client: Client) -> None:
    admin = make_admin()
    videos = [make_video(f"Video {number}") for number in range(4)]
    for video in videos:
        hidden(video, by=admin, request_id=REQUEST)
    other = hidden(make_video(), by=admin, request_id="f" * 16)
    unhide_video(video=videos[0], by=admin)
    client.force_login(admin)
    response = client.post(UNDO, {"request": REQUEST})
    assert said(response) == [
        "3 acts undone: Hid the video “Video 3”; Hid the video “Video 2”; Hid the video “Video 1”",
        f"Not undone: “Video 0”: {CHANGED_SINCE}",
    ]
    assert [*Video.objects.filter(is_hidden=True)] == [Video.objects.get(pk=other.object_id)]
    client.post(UNDO, {"request": REQUEST})
    assert AuditEntry.objects.exclude(undoes=None).count() == 3


def test_a_moderator_undoes_the_part_of_a_request_that_they_may() -> None:
    admin, moderator = make_admin(), make_moderator()
    hidden(make_video(), by=admin, request_id=REQUEST)
    config_changed(by=admin, request_id=REQUEST)
    with acting(lambda: actor_of(moderator)):
        result = undo_request(request_id=REQUEST, by=moderator)
    assert [entry.action for entry in result.entries] == ["video.hide"]
    assert result.refusals == []


def test_entries_of_no_request_do_not_belong_together() -> None:
    admin = make_admin()
    entry = hidden(make_video(), by=admin)
    assert entry.request_id == ""
    with acting(lambda: actor_of(admin)):
        assert undo_request(request_id="", by=admin).entries == []


def test_a_message_offers_to_undo_what_its_request_did(client: Client) -> None:
    videos = [make_video(f"Video {number}") for number in range(2)]
    client.force_login(make_admin())
    response = client.post(
        "/admin/videos/video/",
        {
            "action": "hide",
            "reason": "Harassment",
            "_selected_action": [str(video.pk) for video in videos],
        },
    )
    page = client.get("/admin/videos/video/").content.decode()
    assert f'name="request" value="{response["X-Request-ID"]}"' in page
    assert re.search(
        r'<button class="message-undo" type="submit" aria-describedby="[^"]+">Undo<', page
    )
    undone = client.post(UNDO, {"request": response["X-Request-ID"], "next": "/admin/"})
    assert said(undone) == ["2 acts undone: Hid the video “Video 0”; Hid the video “Video 1”"]
    assert not Video.objects.filter(is_hidden=True).exists()


def test_a_message_offers_nothing_that_cannot_be_undone(client: Client) -> None:
    client.force_login(make_admin())
    client.post(
        "/admin/videos/video/",
        {"action": "hide", "reason": "Harassment", "_selected_action": [make_video().pk]},
    )
    undo(AuditEntry.objects.get(action="video.hide"), make_admin())
    assert "message-undo" not in client.get("/admin/videos/video/").content.decode()


def test_the_mark_of_a_message_is_the_id_of_its_request(client: Client) -> None:
    assert undo_tag() == "" or len(undo_tag()) == 21
    assert marked_request(f"undo-{REQUEST} success") == REQUEST
    for tags in ("", "success", "undo-1", f"undo-{REQUEST}0", f"xundo-{REQUEST}"):
        assert marked_request(tags) == ""


def test_undone_entries_are_found_by_an_index() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("reads SQLite's plan")
    plan = AuditEntry.objects.filter(undoes__in=[1, 2, 3]).explain()
    assert "audit_undone_once" in plan
    assert "audit_of_a_request" in AuditEntry.objects.filter(request_id=REQUEST).explain()


def test_a_video_that_was_hidden_without_a_reason_is_hidden_again_without_one() -> None:
    video, moderator = make_video(is_hidden=True), make_moderator()
    with acting(lambda: actor_of(moderator)):
        unhide_video(video=video, by=moderator)
    undo(AuditEntry.objects.get(action="video.unhide"), moderator)
    video.refresh_from_db()
    assert (video.is_hidden, video.hidden_reason) == (True, "")
