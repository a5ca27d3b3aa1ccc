"""Comments, likes and notifications as pages, and as the fragments that htmx asks for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from clipset.lib.keyset import encode_cursor
from tests.builders import count_queries, make_moderator, make_user, make_video
from videos import access
from videos.models import Comment, Like, Notification, ProcessingStatus
from videos.services.comments import MAX_COMMENTS, delete_comment, restore_comment, write_comment
from videos.services.likes import set_like

if TYPE_CHECKING:
    from accounts.models import User
    from videos.models import Video

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
JSON = {"Accept": "application/json"}


@pytest.fixture
def bob() -> User:
    return make_user("bob")


@pytest.fixture
def video(bob: User) -> Video:
    return make_video("Sea", uploader=bob)


@pytest.fixture
def alice() -> Client:
    return logged_in(make_user("alice"))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, path: str, headers: dict[str, str] | None = None, **data: Any) -> Any:
    return client.post(path, data, headers=headers)


def test_without_scripts_a_comment_is_written_and_seen(alice: Client, video: Video) -> None:
    address = f"/v/{video.short_id}/"
    answer = send(alice, f"{address}comments/", text="Nice at 0:42 <b>")
    comment = Comment.objects.get()
    assert answer["Location"] == f"{address}?comment={comment.pk}#comment-{comment.pk}"
    html = alice.get(f"{address}?comment={comment.pk}").content.decode()
    assert f'<a class="moment" href="{address}?t=42" data-seconds="42">0:42</a> &lt;b&gt;' in html
    assert "comment--focus" in html


def test_the_page_tells_the_player_which_moments_have_comments(alice: Client, video: Video) -> None:
    send(alice, f"/v/{video.short_id}/comments/", text="</script><b> at 0:42")
    html = alice.get(f"/v/{video.short_id}/").content.decode()
    found = re.search(
        r'<script id="comment-markers" type="application/json">(.*?)</script>', html, re.DOTALL
    )
    assert found is not None
    marker = {"seconds": 42, "author": "alice", "text": "</script><b> at 0:42"}
    assert json.loads(found[1]) == [marker]


def test_times_in_a_description_are_links_too(alice: Client, bob: User) -> None:
    video = make_video(uploader=bob, description="Chorus at 0:30")
    html = alice.get(video.get_absolute_url()).content.decode()
    assert f'href="{video.get_absolute_url()}?t=30"' in html


@pytest.mark.parametrize("headers", [None, HTMX])
@pytest.mark.parametrize("text", ["  ", "x" * 2001])
def test_what_is_refused_comes_back_with_what_was_typed(
    alice: Client, video: Video, text: str, headers: dict[str, str] | None
) -> None:
    answer = send(alice, f"/v/{video.short_id}/comments/", headers, text=text)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert 'aria-invalid="true"' in html
    assert text.strip() in html
    if headers:
        assert "<html" not in html
        assert answer["HX-Retarget"] == "#comment_form"
        assert 'id="comment_form"' in html


@pytest.mark.parametrize("headers", [None, HTMX])
def test_too_many_are_refused_with_a_sentence(
    alice: Client, video: Video, headers: dict[str, str] | None
) -> None:
    for number in range(MAX_COMMENTS):
        send(alice, f"/v/{video.short_id}/comments/", text=str(number))
    answer = send(alice, f"/v/{video.short_id}/comments/", headers, text="My long words")
    assert answer.status_code == 429
    html = answer.content.decode()
    assert "Wait a few minutes and try again." in html
    assert "My long words" in html


def test_htmx_gets_the_comment_the_form_again_and_the_number(alice: Client, video: Video) -> None:
    html = send(alice, f"/v/{video.short_id}/comments/", HTMX, text="Hi").content.decode()
    comment = Comment.objects.get()
    assert f'id="comment-{comment.pk}"' in html
    assert re.search(r'id="comment_form"[^>]* hx-swap-oob="true"', html)
    assert re.search(r'id="comment-count"\s+hx-swap-oob="true">1<', html)
    assert "<html" not in html


def test_a_reply_by_htmx_empties_its_place(alice: Client, bob: User, video: Video) -> None:
    root = write_comment(video=video, author=bob, text="One")
    path = f"/v/{video.short_id}/comments/"
    form = alice.get(f"{path}{root.pk}/reply/", headers=HTMX).content.decode()
    assert f'name="parent" value="{root.pk}"' in form
    assert f'hx-target="#replies-{root.pk}"' in form
    html = send(alice, path, HTMX, text="Two", parent=root.pk).content.decode()
    assert f'id="reply-slot-{root.pk}" hx-swap-oob="true"' in html
    assert Comment.objects.get(text="Two").parent == root


def test_a_reply_to_a_reply_begins_with_a_name(alice: Client, bob: User, video: Video) -> None:
    root = write_comment(video=video, author=bob, text="One")
    reply = write_comment(video=video, author=bob, text="Two", reply_to=root)
    html = alice.get(f"/v/{video.short_id}/comments/{reply.pk}/reply/").content.decode()
    assert "@bob </textarea>" in html


def test_deleting_leaves_an_undo_in_its_place(bob: User, video: Video) -> None:
    client = logged_in(bob)
    comment = write_comment(video=video, author=bob, text="Words to lose")
    path = f"/v/{video.short_id}/comments/{comment.pk}/"
    back = client.post(f"{path}delete/")
    html = client.get(back["Location"]).content.decode()
    assert f'action="{path}restore/"' in html
    assert "Words to lose" not in html
    assert client.post(f"{path}delete/").status_code == 302  # twice is once
    assert client.post(f"{path}restore/").status_code == 302
    assert client.post(f"{path}restore/").status_code == 302
    assert "Words to lose" in client.get(f"/v/{video.short_id}/").content.decode()


@pytest.mark.parametrize("hidden", [True, False])
def test_nothing_is_said_of_what_one_may_not_see(alice: Client, bob: User, hidden: bool) -> None:
    status = ProcessingStatus.COMPLETED if hidden else ProcessingStatus.PENDING
    video = make_video(uploader=bob, is_hidden=hidden, status=status)
    comment = write_comment(video=video, author=bob, text="Secret")
    path = f"/v/{video.short_id}/"
    assert alice.get(f"{path}comments/").status_code == 404
    assert alice.get(f"{path}comments/{comment.pk}/").status_code == 404
    assert send(alice, f"{path}comments/", text="Hi").status_code == 404
    assert send(alice, f"{path}like/", liked="yes").status_code == 404
    assert Comment.objects.count() == 1
    assert not Like.objects.exists()


def test_a_long_list_goes_on_by_a_link_and_by_a_fragment(
    alice: Client, bob: User, video: Video
) -> None:
    Comment.objects.bulk_create(
        Comment(video=video, author=bob, text=f"Number {number}") for number in range(45)
    )
    html = alice.get(f"/v/{video.short_id}/").content.decode()
    seen = html.count('class="thread"')
    pages = 1
    while found := re.search(r'class="threads__more">\s*<a class="button" href="([^"]+)"', html):
        html = alice.get(found[1], headers=HTMX if pages == 1 else None).content.decode()
        assert ("<html" in html) == (pages > 1)
        seen += html.count('class="thread"')
        pages += 1
    assert (seen, pages) == (45, 3)


def test_a_page_with_many_comments_takes_as_many_queries_as_with_one(
    alice: Client, bob: User, video: Video
) -> None:
    address = video.get_absolute_url()

    def add(count: int) -> None:
        for number in range(count):
            author = make_user()
            root = Comment.objects.create(video=video, author=author, text="Hi", moment=number)
            Comment.objects.create(video=video, author=make_user(), text="Ho", parent=root)

    add(1)
    before = count_queries(alice, address)
    add(15)
    assert count_queries(alice, address) == before


def test_each_page_of_comments_says_in_its_title_which_it_is(bob: User, video: Video) -> None:
    client = logged_in(bob)
    root = write_comment(video=video, author=bob, text="One")
    path = f"/v/{video.short_id}/comments/"
    titles = {
        path: "Comments on Sea",
        f"{path}?after={encode_cursor((root.pk,))}": "Older comments on Sea",
        f"{path}{root.pk}/": "A comment on Sea and its replies",
        f"{path}{root.pk}/reply/": "Reply to bob on Sea",
        f"{path}{root.pk}/edit/": "Edit your comment on Sea",
    }
    for address, title in titles.items():
        html = " ".join(client.get(address).content.decode().split())
        assert f"<title>{title} – Clipset</title>" in html
    refused = " ".join(send(client, path, text="", parent=root.pk).content.decode().split())
    assert "<title>Reply to bob on Sea – Clipset</title>" in refused


# -- likes ----------------------------------------------------------------------------------------


def test_a_like_is_shown_with_its_number(alice: Client, video: Video) -> None:
    address = video.get_absolute_url()
    assert send(alice, f"{address}like/", liked="yes")["Location"] == address
    html = alice.get(address).content.decode()
    assert 'aria-pressed="true"' in html
    assert 'name="liked" value="no"' in html
    assert "1 like" in alice.get("/").content.decode()


def test_a_script_is_told_the_number(alice: Client, video: Video) -> None:
    set_like(video=video, member=make_user(), liked=True)
    path = f"/v/{video.short_id}/like/"
    assert send(alice, path, JSON, liked="yes").json() == {"liked": True, "count": 2}
    assert send(alice, path, JSON, liked="no").json() == {"liked": False, "count": 1}
    assert "error" in send(alice, path, JSON, liked="").json()
    for _ in range(60):
        answer = send(alice, path, JSON, liked="no")
    assert answer.status_code == 429
    assert "Try again in 5 minutes" in answer.json()["error"]


# -- notifications
# --------------------------------------------------------------------------------------


def test_a_notification_leads_to_the_comment_and_is_read_then(bob: User, video: Video) -> None:
    comment = write_comment(video=video, author=make_user("alice"), text="What a sea")
    client = logged_in(bob)
    assert "Notifications, 1 unread" in client.get("/").content.decode()
    html = client.get("/notices/").content.decode()
    assert "What a sea" in html
    notification = Notification.objects.get()
    client.head(f"/notices/{notification.pk}/")
    assert Notification.objects.filter(read_at__isnull=True).exists()
    assert client.get(f"/notices/{notification.pk}/")["Location"] == comment.get_absolute_url()
    assert 'aria-label="Notifications"' in client.get("/").content.decode()


def test_all_are_read_at_once(bob: User, video: Video) -> None:
    for text in ("One", "Two"):
        write_comment(video=video, author=make_user(), text=text)
    client = logged_in(bob)
    assert "Mark all as read" in client.get("/notices/").content.decode()
    client.post("/notices/read/")
    assert "Mark all as read" not in client.get("/notices/").content.decode()
    assert not Notification.objects.filter(read_at__isnull=True).exists()


def test_who_has_no_notifications_is_told_what_comes_here(bob: User) -> None:
    assert "No notifications yet." in logged_in(bob).get("/notices/").content.decode()


# -- the admin ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "meanwhile", "status"),
    [
        ("restore", "restored", 302),
        ("restore", "removed", 404),
        ("delete", "deleted", 302),
        ("delete", "removed", 404),
        ("edit", "deleted", 404),
    ],
)
def test_two_clicks_at_once_are_as_good_as_one(
    bob: User,
    video: Video,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    meanwhile: str,
    status: int,
) -> None:
    comment = write_comment(video=video, author=bob, text="Hello")
    if what == "restore":
        delete_comment(comment=comment, by=bob)
    real = access.comment_of

    def changed_after(*args: Any) -> Comment:
        found = real(*args)
        if meanwhile == "removed":
            Comment.objects.all().delete()
        elif meanwhile == "deleted":
            delete_comment(comment=Comment.objects.get(), by=bob)
        else:
            restore_comment(comment=Comment.objects.get())
        return found

    monkeypatch.setattr("videos.views.comments.comment_of", changed_after)
    path = f"/v/{video.short_id}/comments/{comment.pk}/{what}/"
    assert send(logged_in(bob), path, text="Hello again").status_code == status


def test_a_moderator_deletes_comments_and_brings_them_back(bob: User, video: Video) -> None:
    comment = write_comment(video=video, author=bob, text="Rude words")
    client = logged_in(make_moderator())
    path = "/admin/videos/comment/"

    def act(name: str) -> str:
        data = {"action": name, "_selected_action": [str(comment.pk)]}
        return client.post(path, data, follow=True).content.decode()

    assert "1 comment deleted." in act("remove")
    assert not Comment.objects.present().exists()
    assert "1 comment restored." in act("bring_back")
    assert Comment.objects.present().exists()
    delete_comment(comment=comment, by=bob)
    Comment.objects.update(text="")
    assert "too late to restore" in act("bring_back")
    for query in ("?deleted=yes", "?deleted=bogus", "?q=rude", f"{comment.pk}/change/"):
        assert client.get(path + query).status_code in {200, 302}


def test_the_author_of_a_deleted_comment_is_not_named(
    alice: Client, bob: User, video: Video
) -> None:
    """Its place stays as long as it has replies, also for those who can't see it."""
    carol = make_user("carol")
    gone = write_comment(video=video, author=carol, text="Oh no")
    write_comment(video=video, author=bob, text="What was that?", reply_to=gone)
    delete_comment(comment=gone, by=carol)
    page = alice.get(f"/v/{video.short_id}/comments/").content.decode()
    assert 'aria-label="Deleted comment"' in page
    assert "carol" not in page


def test_comments_are_hidden_in_bulk_with_a_reason_and_unhidden(bob: User, video: Video) -> None:
    mona = make_moderator()
    first, second, own, gone = (
        write_comment(video=video, author=author, text=text)
        for author, text in ((bob, "One"), (bob, "Two"), (mona, "Mine"), (bob, "Gone"))
    )
    delete_comment(comment=gone, by=bob)
    client = logged_in(mona)

    def act(name: str, *comments: Comment, reason: str = "") -> str:
        chosen = [str(comment.pk) for comment in comments]
        data = {"action": name, "_selected_action": chosen, "reason": reason}
        return client.post("/admin/videos/comment/", data, follow=True).text

    assert "Enter a reason" in act("hide", first, second)
    assert "Use at most 500" in act("hide", first, reason="x" * 501)
    assert not Comment.objects.exclude(hidden_at=None).exists()
    text = act("hide", first, second, own, gone, reason="Harassment")
    assert "2 comments hidden." in text
    assert "2 were not hidden: 1 is deleted, 1 is your own." in text
    hidden = Comment.objects.exclude(hidden_at=None)
    assert set(hidden.values_list("pk", "hidden_reason")) == {
        (first.pk, "HARASSMENT"),
        (second.pk, "HARASSMENT"),
    }
    assert "1 was not hidden: it is already hidden." in act("hide", first, reason="Too loud")
    text = act("unhide", first, own)
    assert "1 comment unhidden." in text
    assert "1 was not unhidden: it is your own." in text
    assert list(hidden) == [second]
