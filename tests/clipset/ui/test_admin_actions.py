"""What an action of the admin says: one line on what it changed, and one on the rest."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from clipset.ui import admin_actions
from clipset.ui.admin_actions import MAX_REASONS, Outcome, Reason
from tests.builders import make_moderator, make_video
from videos.models import Video

NOT_FAILED = Reason("is not failed", "are not failed")
NO_SOURCE = Reason("has no source", "have no source")


def outcome(*reasons: Reason | str | None) -> Outcome:
    made = Outcome()
    for reason in reasons:
        made.add(reason)
    return made


@pytest.mark.parametrize(
    ("reasons", "sentence"),
    [
        ([], ""),
        ([None], ""),
        ([NOT_FAILED], "1 was not retried: it is not failed."),
        ([NOT_FAILED] * 2, "2 were not retried: they are not failed."),
        (
            [NOT_FAILED, NO_SOURCE, NOT_FAILED, None],
            "3 were not retried: 2 are not failed, 1 has no source.",
        ),
        (["No room."] * 2, "2 were not retried. No room."),
        (
            ["No room.", NOT_FAILED, NOT_FAILED],
            "3 were not retried: 2 are not failed, 1 (“No room.”).",
        ),
    ],
)
def test_what_was_left_is_grouped_by_reason(
    reasons: list[Reason | str | None], sentence: str
) -> None:
    assert outcome(*reasons).left_sentence("retried") == sentence


def test_no_more_than_a_few_reasons_are_named() -> None:
    reasons = [f"Reason {number}." for number in range(MAX_REASONS + 3)]
    assert outcome(*reasons).left_sentence("moved").endswith(", 3 for other reasons.")


def test_what_was_done_is_counted() -> None:
    assert outcome(NOT_FAILED).done_sentence("{count} hidden.", "video", "videos") == ""
    done = outcome(None, None, NOT_FAILED)
    assert done.done_sentence("{count} hidden.", "video", "videos") == "2 videos hidden."
    one = outcome(None)
    assert one.done_sentence("Quota reset for {count}.", "member", "members") == (
        "Quota reset for 1 member."
    )


@pytest.mark.django_db
def test_an_action_on_too_many_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipset.ui.admin.MAX_SELECTED", 2)
    client = Client()
    client.force_login(make_moderator())
    videos = [make_video() for _ in range(3)]
    sent = {"action": "hide", "reason": "Spam", "index": "0", "select_across": "1"}
    answer = client.post("/admin/videos/video/", {**sent, "_selected_action": [str(videos[0].pk)]})
    (message,) = get_messages(answer.wsgi_request)
    assert str(message) == admin_actions.too_many_sentence("videos")
    assert not Video.objects.filter(is_hidden=True).exists()
