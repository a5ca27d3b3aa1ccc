from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from accounts.models import Invitation, Role, User
from accounts.services.invitations import issue_invitation
from accounts.services.quota import RESET_SINCE, reset_due_quotas, reset_quota, week_start
from accounts.services.quota_refusals import note_refusal
from clipset.lib.refusals import RefusedError
from siteconfig.models import MAX_WEEKLY_LIMIT_BYTES
from siteconfig.services.config import current_config
from tests.attention import act, rows_of, titles_of, undo
from tests.builders import make_admin, make_moderator, make_user
from videos.services.uploads.create import VideoDetails, begin_upload, create_upload

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

MB = 1024**2


@pytest.fixture
def small_quota() -> None:
    config = current_config()
    config.weekly_upload_limit_bytes = 10 * MB
    config.save()


def try_upload(user: User, size: int) -> None:
    details = VideoDetails(title="Beach")
    with pytest.raises(RefusedError, match="Not enough weekly quota"):
        create_upload(user=user, size=size, filename="a.mp4", details=details)


def used_up(**fields: Any) -> User:
    return make_user(weekly_upload_bytes=10 * MB, **fields)


def stored(user: User) -> User:
    return User.objects.get(pk=user.pk)


def limit_of(user: User) -> int | None:
    return stored(user).weekly_upload_limit_bytes


# -- Quotas ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_quota")
def test_a_refused_upload_makes_its_member_appear() -> None:
    user, mona = used_up(), make_moderator()
    assert titles_of("quotas", mona) == []
    try_upload(user, 3 * MB)
    [row] = rows_of("quotas", mona)
    assert row.title == user.username
    assert row.why == "Tried to upload 3 MB with 10 MB of 10 MB used this week."
    assert row.act.label == "Reset quota"


@pytest.mark.usefixtures("small_quota")
def test_a_refused_upload_by_the_plain_form_counts_too() -> None:
    user = used_up()
    with pytest.raises(RefusedError):
        begin_upload(user=user, content_length=3 * MB)
    assert titles_of("quotas", make_admin()) == [user.username]


@pytest.mark.usefixtures("small_quota")
def test_a_visit_of_the_upload_page_counts_once_the_quota_is_used_up(client: Client) -> None:
    user, other, admin = used_up(), make_user(), make_admin()
    for visitor in (user, other, admin):
        client.force_login(visitor)
        assert client.get("/upload/").status_code == 200
    [row] = rows_of("quotas", admin)
    assert row.title == user.username
    assert row.why == "Tried to upload with 10 MB of 10 MB used this week."


@pytest.mark.usefixtures("small_quota")
def test_a_visit_keeps_the_size_that_was_refused_before(client: Client) -> None:
    user = used_up()
    try_upload(user, 3 * MB)
    client.force_login(user)
    client.get("/upload/")
    assert "Tried to upload 3 MB" in rows_of("quotas", make_admin())[0].why


@pytest.mark.usefixtures("small_quota")
def test_a_file_larger_than_the_quota_needs_a_higher_limit() -> None:
    user = make_user()
    try_upload(user, 11 * MB)
    [row] = rows_of("quotas", make_moderator())
    assert row.act.label == "Change limit"
    assert row.menu[0].label == "Reset quota"


@pytest.mark.usefixtures("small_quota")
def test_a_higher_limit_makes_the_member_disappear() -> None:
    user = used_up()
    try_upload(user, 3 * MB)
    User.objects.filter(pk=user.pk).update(weekly_upload_limit_bytes=13 * MB)
    assert titles_of("quotas", make_moderator()) == []


@pytest.mark.usefixtures("small_quota")
def test_the_weekly_reset_makes_the_member_disappear() -> None:
    user = used_up()
    try_upload(user, 3 * MB)
    start = week_start(timezone.now())
    User.objects.filter(pk=user.pk).update(
        quota_refused_at=start - timedelta(hours=1), last_upload_reset=start - timedelta(days=7)
    )
    assert titles_of("quotas", make_moderator()) == []
    reset_due_quotas()
    assert titles_of("quotas", make_moderator()) == []


@pytest.mark.usefixtures("small_quota")
def test_a_time_of_a_clock_ahead_is_ignored() -> None:
    user = used_up(quota_refused_at=timezone.now() + timedelta(days=1), quota_refused_bytes=MB)
    assert titles_of("quotas", make_moderator()) == []
    note_refusal(user=user, size=MB)
    assert titles_of("quotas", make_moderator()) == [user.username]


@pytest.mark.usefixtures("small_quota")
def test_moderators_see_only_members_whose_quota_they_may_reset(client: Client) -> None:
    mona, other = make_moderator(weekly_upload_bytes=10 * MB), make_moderator()
    try_upload(mona, 3 * MB)
    assert titles_of("quotas", other) == []
    assert titles_of("quotas", mona) == []
    assert titles_of("quotas", make_admin()) == [mona.username]
    for moderator in (other, mona):
        client.force_login(moderator)
        assert "no longer needs attention" in act(client, "quotas", mona.pk, "reset").text
    mona.refresh_from_db()
    assert mona.weekly_upload_bytes == 10 * MB


@pytest.mark.usefixtures("small_quota")
def test_a_quota_is_reset_and_the_reset_undone(client: Client) -> None:
    user = used_up()
    try_upload(user, 3 * MB)
    mona = make_moderator()
    client.force_login(mona)
    response = act(client, "quotas", user.pk, "reset")
    assert f"Weekly quota of {user.username} reset." in response.text
    user.refresh_from_db()
    assert user.weekly_upload_bytes == 0
    assert titles_of("quotas", mona) == []
    undone = undo(client, response.text)
    assert "Undone: Changed the weekly quota" in undone.text
    assert f'id="row-quotas-{user.pk}"' in undone.text, "its row is open again, in the same place"
    assert undone.status_code == 200
    user.refresh_from_db()
    assert user.weekly_upload_bytes == 10 * MB
    assert titles_of("quotas", mona) == [user.username]
    assert "somebody has undone it already" in undo(client, response.text).text
    user.refresh_from_db()
    assert user.weekly_upload_bytes == 10 * MB


@pytest.mark.usefixtures("small_quota")
def test_a_reset_after_another_one_is_not_undone(client: Client) -> None:
    user = used_up()
    try_upload(user, 3 * MB)
    client.force_login(make_moderator())
    response = act(client, "quotas", user.pk, "reset")
    reset_quota(users=[user.pk])
    assert RESET_SINCE in undo(client, response.text).text


def test_a_malformed_key_is_no_row(client: Client) -> None:
    client.force_login(make_admin())
    for kind, name in (("quotas", "reset"), ("invitations", "renew")):
        assert "no longer needs attention" in act(client, kind, "nonsense", name).text


@pytest.mark.usefixtures("small_quota")
def test_the_limit_is_doubled_by_one_click_and_the_log_undoes_it(client: Client) -> None:
    user, mona = used_up(), make_moderator()
    try_upload(user, 3 * MB)
    [row] = rows_of("quotas", mona)
    assert row.beside is not None
    assert (row.beside.label, row.beside.value) == ("Raise limit to 20 MB", str(20 * MB))
    client.force_login(mona)
    answer = act(client, "quotas", user.pk, "raise", row.beside.value)
    assert f"{user.username} has a limit of 20 MB a week now." in answer.text
    assert limit_of(user) == 20 * MB
    assert rows_of("quotas", mona) == []
    again = act(client, "quotas", user.pk, "raise", row.beside.value)
    assert "no longer needs attention" in again.text
    undo(client, answer.text)
    assert limit_of(user) is None


@pytest.mark.usefixtures("small_quota")
@pytest.mark.parametrize(
    ("limit", "size"), [(0, MB), (10 * MB, 11 * MB), (MAX_WEEKLY_LIMIT_BYTES, MB)]
)
def test_a_limit_that_doubling_would_not_help_is_not_raised(
    client: Client, limit: int, size: int
) -> None:
    """Nor one of nothing, which blocks a member."""
    user, mona = used_up(weekly_upload_limit_bytes=limit), make_moderator()
    User.objects.filter(pk=user.pk).update(weekly_upload_bytes=limit)
    note_refusal(user=stored(user), size=size)
    [row] = rows_of("quotas", mona)
    assert row.beside is None
    client.force_login(mona)
    answer = act(client, "quotas", user.pk, "raise", str(2 * limit))
    assert answer.status_code == 422
    assert "can&#x27;t be raised like this" in answer.text
    assert limit_of(user) == limit


@pytest.mark.usefixtures("small_quota")
def test_a_stale_page_raises_nothing(client: Client) -> None:
    user = used_up()
    try_upload(user, 3 * MB)
    client.force_login(make_moderator())
    for value in ("", "1", str(40 * MB), "\x00"):
        assert act(client, "quotas", user.pk, "raise", value).status_code == 422
    assert limit_of(user) is None


@pytest.mark.usefixtures("small_quota")
def test_moderators_do_not_raise_their_own_limit(client: Client) -> None:
    mona = make_moderator(weekly_upload_bytes=10 * MB)
    try_upload(mona, MB)
    client.force_login(mona)
    assert all(row.beside is None for row in rows_of("quotas", mona))
    act(client, "quotas", mona.pk, "raise", str(20 * MB))
    assert limit_of(mona) is None
    [row] = rows_of("quotas", make_admin())
    assert row.beside is not None


# -- Invitations ----------------------------------------------------------------------------------


def invite(by: User, *, hours: float, role: Role = Role.USER) -> Invitation:
    email = f"guest{Invitation.objects.count()}@example.org"
    invitation = issue_invitation(email=email, role=role, created_by=by).invitation
    invitation.expires_at = timezone.now() + timedelta(hours=hours)
    invitation.save()
    return invitation


def test_unused_invitations_appear_two_days_before_they_expire() -> None:
    admin = make_admin()
    soon = invite(admin, hours=30)
    sooner = invite(admin, hours=2)
    invite(admin, hours=49)
    invite(admin, hours=-1)
    used = invite(admin, hours=3)
    used.used_at = timezone.now()
    used.save()
    assert titles_of("invitations", admin) == [sooner.email, soon.email]
    assert "expires in 2 hours" in rows_of("invitations", admin)[0].why


def test_moderators_see_the_invitations_that_they_made(client: Client) -> None:
    mona, admin = make_moderator(), make_admin()
    own, others = invite(mona, hours=2), invite(admin, hours=3)
    assert titles_of("invitations", mona) == [own.email]
    assert titles_of("invitations", admin) == [own.email, others.email]
    client.force_login(mona)
    assert "no longer needs" in act(client, "invitations", others.pk, "renew").text


def test_an_invitation_to_a_role_above_ones_own_is_not_shown() -> None:
    mona = make_moderator()
    invitation = invite(mona, hours=2)
    Invitation.objects.filter(pk=invitation.pk).update(role=Role.ADMIN)
    assert titles_of("invitations", mona) == []


def test_a_new_link_is_shown_once_and_the_row_is_gone(client: Client) -> None:
    admin = make_admin()
    invitation = invite(admin, hours=2)
    client.force_login(admin)
    response = act(client, "invitations", invitation.pk, "renew")
    assert "/register/" in response.text
    assert "no-store" in response["Cache-Control"]
    assert titles_of("invitations", admin) == []
    assert "/register/" not in client.get("/admin/").text


def test_an_invitation_that_was_used_meanwhile_stays(client: Client) -> None:
    admin = make_admin()
    invitation = invite(admin, hours=2)
    client.force_login(admin)
    Invitation.objects.filter(pk=invitation.pk).update(used_at=timezone.now())
    assert "no longer needs" in act(client, "invitations", invitation.pk, "renew").text
