"""Every act that the code records is shown in words, never by its raw name."""

from __future__ import annotations

import ast

import pytest

from siteconfig.audit_words import changes_of, kinds, sentence_of
from siteconfig.models import AuditEntry
from siteconfig.undo import undoable_actions
from tests.recorded_actions import actions_in, recorded_actions

RECORDED = recorded_actions()


def test_the_actions_are_found_in_the_code() -> None:
    named = {"video.hide", "comment.unhide", "member.join", "session.start", "config.change"}
    by_a_verb = {"video.add_caption", "playlist.restore", "invitation.renew", "report.reject"}
    assert named | by_a_verb <= RECORDED.keys()
    assert set(undoable_actions()) <= RECORDED.keys()


@pytest.mark.parametrize("action", sorted(RECORDED))
def test_every_act_has_words(action: str) -> None:
    kind, _, verb = action.partition(".")
    entry = AuditEntry(action=action, object_kind=kind, object_name="Sunset")
    assert kind in kinds(), f"{RECORDED[action]} records a kind without words"
    assert verb in kinds()[kind].acts, f"{RECORDED[action]} records an act without words"
    assert action not in sentence_of(entry)
    name, _ = kinds()[kind].acts[verb]
    assert name[0].isupper()


def test_an_action_without_words_would_be_found() -> None:
    module = """
def one():
    record_by_staff("thing.turn", thing)
    services.record("thing.push", thing)

def two():
    verb = "pull" if a == "b" else "lift"
    _record(f"thing.{verb}", thing)

def _three(thing, verb):
    record(f"thing.{verb}", thing)

def four():
    _three(thing, "drop")
"""
    verbs = ("turn", "push", "pull", "lift", "drop")
    assert set(actions_in(ast.parse(module))) == {f"thing.{verb}" for verb in verbs}


@pytest.mark.parametrize(
    ("action", "after", "expected"),
    [
        ("video.trash", {"is_trashed": True}, [("In the trash", "Yes")]),
        ("member.trash", {"is_trashed": True}, [("In the trash", "Yes")]),
        (
            "report.resolve",
            {"act": "hide_video", "reports": 2},
            [("Act", "Hide video and resolve"), ("Reports", "2")],
        ),
        (
            "invitation.create",
            {"expires_at": "2026-12-07T20:29:07.949409+00:00"},
            [("Expires at", "7 December 2026, 20:29 UTC")],
        ),
        ("invitation.create", {"expires_at": "2026-99-99"}, [("Expires at", "2026-99-99")]),
        ("video.reset_thumbnail", {"thumbnail_wanted_at": -1.0}, []),
    ],
)
def test_values_are_shown_in_words(
    action: str, after: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    kind = action.partition(".")[0]
    entry = AuditEntry(action=action, object_kind=kind, before={}, after=after)
    assert [(change.label, change.after) for change in changes_of(entry)] == expected
