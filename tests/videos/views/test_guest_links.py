"""What a guest sees, and what a member sees of their guests' links."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from clipset.lib.slots import NoSlotError, Slots
from tests.builders import count_queries, make_moderator, make_user, make_video
from tests.videos.views.test_media import VIDEO, read
from videos import file_responses
from videos.models import Caption, GuestLink, Video
from videos.selectors import guest_links
from videos.selectors.guest_links import MAX_INLINE
from videos.services import guest_links as guest_link_service
from videos.services.guest_links import create_guest_link, revoke_guest_link
from videos.transcode.storyboard import plan_storyboard

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from accounts.models import User

pytestmark = pytest.mark.django_db
SITE = "http://127.0.0.1:8000"
WEEK = timedelta(days=7)


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def video(bob: User) -> Video:
    video = make_video(
        "Sea & <b>sun</b>",
        uploader=bob,
        description='First "line"\n\nhttps://example.org/ At 1:02, not at 1:23:45.',
        stored_bytes=len(VIDEO),
        width=1280,
        height=720,
        thumbnail_filename="picture.jpg",
        thumbnail_root="thumbnails",
    )
    video.file_path.write_bytes(VIDEO)
    assert video.thumbnail_path is not None
    video.thumbnail_path.write_bytes(b"PICTURE")
    return video


def link_to(video: Video) -> str:
    """The path of a new link."""
    issued = create_guest_link(video=video, created_by=video.uploaded_by, lifetime=WEEK)
    return f"/s/{issued.token}/"


def files() -> tuple[Any, ...]:
    """Route, view and name of each; the URLconf of the site has made its converters known."""
    resolve("/")
    from videos.urls import FILES

    return FILES


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def meta(answer: Any) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', answer.text)
    return dict(found)


# -- the page -------------------------------------------------------------------------------------


def test_a_guest_gets_the_page_and_the_video_without_a_cookie(client: Client, video: Video) -> None:
    path = link_to(video)
    page = client.get(path)
    assert page.status_code == 200
    assert "Sea &amp; &lt;b&gt;sun&lt;/b&gt;" in page.text
    assert "1 minute 23 seconds" in page.text
    assert f'<time datetime="{video.created_at:%Y-%m-%d}' in page.text
    assert read(client.get(f"{path}stream.mp4")) == VIDEO
    assert read(client.get(f"{path}thumbnail.jpg")) == b"PICTURE"
    assert not client.cookies


def test_the_page_leads_nowhere_but_below_the_link(client: Client, video: Video) -> None:
    Caption.objects.create(video=video, code="en", language="en", label="English", body="WEBVTT\n")
    Video.objects.update(storyboard_grid=asdict(plan_storyboard(60, 1280, 720)))
    page = client.get(link_to(video)).text
    addresses = re.findall(r'(?:href|src|poster|data-\w+)="([^"]*)"', page)
    inside = {it for it in addresses if not it.startswith(("/static/", "https://example.org/"))}
    assert inside == {
        "#page", "stream.mp4", "thumbnail.jpg", "status/", "view/", "0", "captions/en.vtt",
        "storyboard.vtt", "?t=62", "62",
        "bob",  # whose video it is, for lock screens; the page says it, too
    }  # fmt: skip
    assert video.short_id not in page
    assert str(video.pk) not in page
    assert "hx-" not in page
    assert "csrf" not in page


def test_a_member_at_a_guests_address_is_led_to_the_members_page(bob: User, video: Video) -> None:
    page = logged_in(bob).get(link_to(video)).text
    assert f'href="/v/{video.short_id}/"' in page


def test_every_answer_below_a_link_is_kept_by_nobody_and_tells_no_other_site(
    client: Client, video: Video
) -> None:
    path = link_to(video)
    unknown = f"/s/{'x' * 43}/"
    tag = client.get(f"{path}thumbnail.jpg")
    read(tag)
    for answer in (
        client.get(path),
        client.get(path.rstrip("/")),  # a redirect to the same with its slash
        client.get(f"{path}stream.mp4", headers={"Range": "bytes=0-9"}),
        client.get(f"{path}stream.mp4", headers={"Range": "bytes=999999999-"}),
        client.get(f"{path}thumbnail.jpg", headers={"If-None-Match": tag["ETag"]}),
        client.get(f"{path}status/"),
        client.post(f"{path}view/"),
        client.post(path),
        client.get(f"{path}nothing"),
        client.get(f"{path}download/"),
        client.get(unknown),
        client.get(f"{unknown}stream.mp4"),
        client.get("/s/half-a-token/"),
    ):
        read(answer)
        assert answer["Cache-Control"] == "private, no-store", answer.status_code
        assert answer["Referrer-Policy"] == "no-referrer", answer.status_code
        assert answer["X-Robots-Tag"] == "noindex, nofollow", answer.status_code


def test_a_guest_has_no_other_name_than_those_of_files(client: Client, video: Video) -> None:
    path = link_to(video)
    for name in ("download/", "edit/", "delete/", "share/", "comments/", "captions/", "retry/",
                 "../../", "..%2f..%2f", "stream.mp4/", "%2e%2e/", "status", "source.mp4",
                 f"v/{video.short_id}/", "stream.mp4?token=x&short_id=y&download=1"):  # fmt: skip
        answer = client.get(path + name)
        expected = {301, 302, 404} if "?" not in name else {200}
        assert answer.status_code in expected, name
        assert name != "download/" or answer.status_code == 404
        read(answer)


def test_members_addresses_still_need_a_log_in(client: Client, video: Video) -> None:
    """The views are the same; only those at a guest's address are open."""
    for route, view, _ in files():
        assert getattr(view, "login_required", True), route
    client.get(link_to(video))
    for name in ("stream.mp4", "thumbnail.jpg", "master.m3u8"):
        assert client.get(f"/v/{video.short_id}/{name}").status_code == 302


def test_a_closed_link_says_so_and_not_why(client: Client, video: Video) -> None:
    path = link_to(video)
    unknown = client.get(f"/s/{'x' * 43}/")
    GuestLink.objects.update(revoked_at=timezone.now())
    revoked = client.get(path)
    Video.objects.update(is_hidden=True)
    GuestLink.objects.update(revoked_at=None)
    hidden = client.get(path)
    assert [it.status_code for it in (unknown, revoked, hidden)] == [404, 410, 404]
    assert unknown.content == revoked.content == hidden.content
    assert video.title not in revoked.text
    assert "og:" not in revoked.text


def test_what_plays_stops_at_once(client: Client, video: Video, bob: User) -> None:
    path = link_to(video)
    names = ["stream.mp4", "thumbnail.jpg", "status/"]
    for change in (
        lambda: GuestLink.objects.update(revoked_at=timezone.now()),
        lambda: Video.objects.update(is_hidden=True),
        lambda: type(bob).objects.update(is_active=False),
        lambda: Video.objects.get().delete(),
    ):
        for name in names:
            answer = client.get(path + name)
            read(answer)
            assert answer.status_code == 200
        change()
        assert [client.get(path + name).status_code for name in names] == [404] * 3
        GuestLink.objects.update(revoked_at=None)
        Video.objects.update(is_hidden=False)
        type(bob).objects.update(is_active=True)


def test_no_log_in_opens_more_at_a_guests_address(video: Video, bob: User) -> None:
    path = link_to(video)
    Video.objects.update(is_hidden=True)
    for user in (bob, make_moderator()):
        client = logged_in(user)
        assert client.get(path).status_code == 404
        assert client.get(f"{path}stream.mp4").status_code == 404
        assert client.get(f"/v/{video.short_id}/").status_code == 200


def test_a_file_takes_one_query_for_the_rights_of_this_moment(
    client: Client, video: Video, django_assert_num_queries: Any
) -> None:
    path = link_to(video)
    with django_assert_num_queries(1):
        read(client.get(f"{path}stream.mp4"))


# -- chat programs --------------------------------------------------------------------------------


def test_a_robot_gets_title_picture_and_an_inline_video(client: Client, video: Video) -> None:
    path = link_to(video)
    told = meta(client.get(path, headers={"User-Agent": "TelegramBot (like TwitterBot)"}))
    assert told["og:title"] == "Sea &amp; &lt;b&gt;sun&lt;/b&gt;"
    first = "First &quot;line&quot; https://example.org/"
    assert told["og:description"] == f"{first} At 1:02, not at 1:23:45."
    assert told["og:url"] == SITE + path
    assert told["og:image"] == f"{SITE}{path}thumbnail.jpg"
    assert told["og:video"] == f"{SITE}{path}stream.mp4"
    assert told["og:video:type"] == "video/mp4"
    assert (told["og:video:width"], told["og:video:height"]) == ("1280", "720")
    assert told["og:type"] == "video.other"
    assert read(client.get(told["og:video"].removeprefix(SITE))) == VIDEO
    assert GuestLink.objects.get().view_count == 0, "robots do not watch"


@pytest.mark.parametrize("size", [MAX_INLINE + 1, None])
def test_of_a_large_video_the_picture_stands_alone(
    client: Client, video: Video, size: int | None
) -> None:
    Video.objects.update(stored_bytes=size)
    told = meta(client.get(link_to(video)))
    assert told["og:image"]
    assert not [name for name in told if name.startswith("og:video")]
    Video.objects.update(stored_bytes=MAX_INLINE)
    assert meta(client.get(link_to(video)))["og:video"]


def test_the_address_told_is_the_sites_own_whatever_the_client_calls_it(
    client: Client, video: Video, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    told = meta(client.get(link_to(video), headers={"Host": "evil.example"}))
    assert told["og:url"].startswith(f"{SITE}/s/")
    assert told["og:image"].startswith(f"{SITE}/s/")


def test_a_page_without_picture_and_description_is_whole(client: Client, bob: User) -> None:
    told = meta(client.get(link_to(make_video(uploader=bob))))
    assert told["og:description"] == "bob shared a video with you."
    assert "og:image" not in told


# -- counting -------------------------------------------------------------------------------------


def tell(client: Client, path: str, watched: str, **extra: Any) -> int:
    return client.post(f"{path}view/", {"at": "40", "watched": watched}, **extra).status_code


def test_a_view_counts_once_enough_was_played(client: Client, video: Video, bob: User) -> None:
    path = link_to(video)
    for method in (client.get, client.head):
        method(path)
        read(method(f"{path}stream.mp4"))
    assert GuestLink.objects.get().view_count == 0
    Video.objects.update(duration_seconds=3600)
    assert tell(client, path, "29.9") == 204
    assert GuestLink.objects.get().view_count == 0, "not enough"
    for _ in range(3):
        assert tell(client, path, "30") == 204
    assert GuestLink.objects.get().view_count == 1
    tell(logged_in(bob), path, "30", HTTP_X_FORWARDED_FOR="192.0.2.7")
    tell(logged_in(bob), path, "30", REMOTE_ADDR="192.0.2.7")
    assert GuestLink.objects.get().view_count == 1, "the uploader's own"
    tell(client, path, "30", REMOTE_ADDR="192.0.2.8")
    assert GuestLink.objects.get().view_count == 2
    Video.objects.update(duration_seconds=10)
    tell(client, path, "3", REMOTE_ADDR="192.0.2.9")
    assert GuestLink.objects.get().view_count == 3, "a third of a short one"


@pytest.mark.parametrize("watched", ["", "nan", "-1", "\x00", "much"])
def test_what_no_player_says_is_refused(client: Client, video: Video, watched: str) -> None:
    assert tell(client, link_to(video), watched) == 422
    assert GuestLink.objects.get().view_count == 0


# -- making and revoking --------------------------------------------------------------------------


def test_a_new_link_is_shown_once(video: Video, bob: User) -> None:
    client = logged_in(bob)
    page = f"/v/{video.short_id}/share/"
    answer = client.post(page, {"note": "Grandma", "days": "30"})
    assert answer.status_code == 200
    [path] = re.findall(rf'value="{SITE}(/s/[A-Za-z0-9_-]{{43}}/)"', answer.text)
    assert answer["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    link = GuestLink.objects.get()
    assert (link.note, link.created_by, link.video) == ("Grandma", bob, video)
    assert timedelta(days=29) < link.expires_at - timezone.now() <= timedelta(days=30)
    assert Client().get(path).status_code == 200
    again = client.get(page)
    assert "Grandma" in again.text
    assert path not in again.text
    assert link.token_hash not in again.text


def test_a_form_that_is_wrong_keeps_what_was_typed(video: Video, bob: User) -> None:
    answer = logged_in(bob).post(f"/v/{video.short_id}/share/", {"note": "x" * 101, "days": "9"})
    assert answer.status_code == 422
    assert "Use at most 100 characters." in answer.text
    assert "Choose an expiry from the list." in answer.text
    assert "x" * 101 in answer.text
    assert not GuestLink.objects.exists()


def test_a_link_is_revoked_and_opened_again_by_its_maker(video: Video, bob: User) -> None:
    path, client = link_to(video), logged_in(bob)
    page = f"/v/{video.short_id}/share/"
    link = GuestLink.objects.get()
    below = f"{page}{link.pk}/"
    assert client.post(f"{below}revoke/")["Location"] == f"{page}#link-{link.pk}"
    assert Client().get(path).status_code == 410
    assert f"{below}restore/" in client.get(page).text
    client.post(f"{below}restore/")
    assert Client().get(path).status_code == 200


def test_an_open_link_is_on_the_page_however_many_were_made_since(
    video: Video, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_links, "MAX_LISTED", 3)
    for note in ("open", "oldest", "older", "newer"):
        create_guest_link(video=video, created_by=bob, lifetime=WEEK, note=note)
    GuestLink.objects.exclude(note="open").update(revoked_at=timezone.now())
    client = Client()
    client.force_login(bob)
    links = client.get(f"/v/{video.short_id}/share/").context["links"]
    assert [link.note for link in links] == ["newer", "older", "open"]


def test_undoing_a_revocation_makes_no_more_links_than_there_may_be(
    video: Video, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_link_service, "MAX_ACTIVE_LINKS", 1)
    link_to(video)
    first = GuestLink.objects.get()
    revoke_guest_link(link=first)
    link_to(video)
    client = Client()
    client.force_login(bob)
    answer = client.post(f"/v/{video.short_id}/share/{first.pk}/restore/", follow=True)
    assert "1 active links" in answer.content.decode()
    assert GuestLink.objects.filter(revoked_at=None).count() == 1


def test_staff_see_and_revoke_links_and_make_none(video: Video) -> None:
    path, client = link_to(video), logged_in(make_moderator())
    page = f"/v/{video.short_id}/share/"
    shown = client.get(page).text
    assert "Revoke" in shown
    assert "Create guest link" not in shown
    assert client.post(page, {"days": "7"}).status_code == 404
    below = f"{page}{GuestLink.objects.get().pk}/"
    client.post(f"{below}revoke/")
    assert Client().get(path).status_code == 410
    assert client.post(f"{below}restore/").status_code == 404


def test_a_link_is_not_reached_through_another_video(video: Video, bob: User) -> None:
    link_to(video)
    eve = make_user("eve")
    hers = make_video(uploader=eve)
    link = GuestLink.objects.get()
    client = logged_in(eve)
    for short_id in (hers.short_id, video.short_id):
        for action in ("revoke", "restore"):
            path = f"/v/{short_id}/share/{link.pk}/{action}/"
            assert client.post(path).status_code == 404
    link.refresh_from_db()
    assert link.revoked_at is None


def test_the_page_takes_as_many_queries_for_one_link_as_for_three(video: Video, bob: User) -> None:
    client = logged_in(bob)
    link_to(video)
    one = count_queries(client, f"/v/{video.short_id}/share/")
    link_to(video)
    link_to(video)
    assert count_queries(client, f"/v/{video.short_id}/share/") == one


# -- how many at once -----------------------------------------------------------------------------


def test_guests_leave_slots_to_members(
    client: Client, video: Video, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_responses, "slots", Slots(most=4, each=3))
    monkeypatch.setattr(file_responses, "SLOTS_FOR_MEMBERS", 2)
    path = f"{link_to(video)}stream.mp4"
    held = [client.get(path, REMOTE_ADDR=f"192.0.2.{number}") for number in range(2)]
    assert client.get(path, REMOTE_ADDR="192.0.2.9").status_code == 503
    member = logged_in(bob).get(f"/v/{video.short_id}/stream.mp4")
    assert member.status_code == 200
    for answer in (*held, member):
        read(answer)
    assert read(client.get(path)) == VIDEO


def test_slots_left_to_others_are_not_taken() -> None:
    slots = Slots(most=3, each=3)
    slots.take("guest", leaving=2)
    with pytest.raises(NoSlotError) as refused:
        slots.take("another", leaving=2)
    assert not refused.value.is_own
    slots.take("member")
    slots.take("member")


# -- sent by nginx --------------------------------------------------------------------------------


def test_with_a_web_server_in_front_the_file_is_only_named(
    client: Client, video: Video, bob: User, settings: Settings
) -> None:
    settings.MEDIA_ACCEL_PREFIX = "/files"
    Video.objects.update(filename="video 100% #?.mp4")
    video.file_path.rename(video.file_path.with_name("video 100% #?.mp4"))
    folder = str(video.file_path.parent)
    path = link_to(video)
    for answer, cache in (
        (client.get(f"{path}stream.mp4"), "private, no-store"),
        (logged_in(bob).get(f"/v/{video.short_id}/stream.mp4"), "private, no-cache"),
    ):
        assert answer["X-Accel-Redirect"] == f"/files{folder}/video%20100%25%20%23%3F.mp4"
        assert (answer.content, answer["Cache-Control"]) == (b"", cache)
        assert answer["Content-Type"] == "video/mp4"
    named = logged_in(bob).get(f"/v/{video.short_id}/download/")["Content-Disposition"]
    assert named.startswith("attachment; filename=")
    GuestLink.objects.update(revoked_at=timezone.now())
    refused = client.get(f"{path}stream.mp4")
    assert refused.status_code == 404
    assert "X-Accel-Redirect" not in refused
    Video.objects.get().file_path.unlink()
    assert logged_in(bob).get(f"/v/{video.short_id}/stream.mp4").status_code == 404


def test_the_views_at_both_addresses_are_the_same(video: Video) -> None:
    for route, view, name in files():
        if "<" not in route:
            found = resolve(f"/s/{'x' * 43}/{route}")
            assert found.view_name == f"guest_{name}"
            assert found.func.__wrapped__ is view  # type: ignore[attr-defined]
            assert found.func.login_required is False  # type: ignore[attr-defined]
