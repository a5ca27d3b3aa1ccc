"""What members and an admin do with the trash of a site while its parts are killed."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Final

from tests.scripts.member import MAKE_BOB, PASSWORD, Browser, change, rows, shell

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

    from tests.scripts.chaos import Sender
    from tests.scripts.conftest import Clone

MAX_PAUSE: Final = 0.3  # seconds between two acts
KEPT: Final = 4  # videos of carol; for each that is deleted for good she uploads another
# The days make the site old enough to delete for good what has been in the trash for long.
MAKE_PEOPLE: Final = f"""{MAKE_BOB}
from datetime import timedelta
from django.utils import timezone
from siteconfig.models import DayAlive
User.objects.create_user("carol", "carol@example.org", {PASSWORD!r})
User.objects.create_superuser("root", "root@example.org", {PASSWORD!r})
DayAlive.objects.bulk_create(
    [DayAlive(date=timezone.now().date() - timedelta(days=day)) for day in range(40)],
    ignore_conflicts=True,
)
"""
LONG_AGO: Final = "2020-01-01 00:00:00"
OF_MEMBER: Final = (
    "SELECT v.id, v.short_id, v.trashed_at IS NOT NULL FROM videos v "
    "JOIN users u ON u.id = v.uploaded_by WHERE u.username = ? ORDER BY v.id"
)
PUBLISHED: Final = (
    "SELECT id FROM videos WHERE processing_status = 'COMPLETED' AND NOT is_hidden "
    "AND trashed_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    short_id: str
    is_trashed: bool


def make_people(clone: Clone) -> None:
    """Makes the members bob and carol, and the admin root."""
    shell(clone, MAKE_PEOPLE)


@dataclass
class TrashActs(threading.Thread):
    """Bob deletes and restores what he uploads; carol's videos are deleted for good, too, and she
    is deleted herself and restored by undoing that. In random order, until `end`.

    `uploaded` has the short ids of carol's videos, `may_be_gone` of those that were to be deleted
    for good, and `gone` of those of which the site said that they are. `done` counts what the site
    answered, `cut_off` the requests without an answer; `failures` has answers that are bugs.
    """

    sender: Sender
    videos: list[Path]
    dice: random.Random
    uploaded: set[str] = field(default_factory=set)
    may_be_gone: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    cut_off: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.clone = self.sender.clone
        self.people = {name: Browser(self.clone, name) for name in ("bob", "carol", "root")}
        self._over = threading.Event()
        self._acts: list[Callable[[], None]] = [
            *[self._delete_bobs, self._restore_bobs] * 2,
            *(self._delete_carols, self._delete_for_good, self._empty, self._expire),
            *[self._delete_carol, self._undo] * 2,
        ]

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        while not self._over.wait(self.dice.uniform(0, MAX_PAUSE)):
            try:
                if len(self._videos("carol")) < KEPT and not self._is_carol_gone():
                    self._upload()
                else:
                    self.dice.choice(self._acts)()
            except (OSError, ValueError, HTTPException, sqlite3.Error):
                self.cut_off += 1

    def end(self) -> None:
        self._over.set()
        self.join()

    def restore_all(self) -> None:
        """Restores everything that is in the trash. Call it once workers have settled."""
        self._undo()
        for name in ("bob", "carol"):
            for video in self._videos(name):
                if video.is_trashed:
                    self._post("root", f"/v/{video.short_id}/restore/")
        assert rows(self.clone, "SELECT short_id FROM videos WHERE trashed_at IS NOT NULL") == []

    def check(self) -> None:
        """Checks what is left once everything is restored and settled."""
        assert not self.failures
        there = {str(key) for (key,) in rows(self.clone, "SELECT short_id FROM videos")}
        assert self.uploaded - self.may_be_gone <= there
        assert not self.gone & there
        found = rows(self.clone, "SELECT video_id FROM search_documents")
        assert set(found) == set(rows(self.clone, PUBLISHED))

    # -- acts -------------------------------------------------------------------------------------

    def _upload(self) -> None:
        carol = self.people["carol"]
        if b"/login/" in carol.ask("/upload/")[1]:
            carol.log_in()
        if url := carol.upload(self.dice.choice(self.videos)):
            self.uploaded.add(url.split("/")[2])
            self.done["upload"] += 1

    def _delete_bobs(self) -> None:
        if videos := self._videos("bob", is_trashed=False):
            self._post("bob", f"/v/{self.dice.choice(videos).short_id}/delete/")

    def _restore_bobs(self) -> None:
        if videos := self._videos("bob", is_trashed=True):
            self._post("bob", f"/v/{self.dice.choice(videos).short_id}/restore/")

    def _delete_carols(self) -> None:
        for video in self._videos("carol", is_trashed=False)[:2]:
            self._post("root", f"/v/{video.short_id}/delete/")

    def _delete_for_good(self) -> None:
        """At once, in the request."""
        if videos := self._videos("carol", is_trashed=True):
            short_id = self.dice.choice(videos).short_id
            self.may_be_gone.add(short_id)
            if "” deleted for good" in self._post("root", f"/v/{short_id}/delete-for-good/"):
                self.gone.add(short_id)

    def _empty(self) -> None:
        """By a worker, as an action on the list."""
        if videos := self._videos("carol", is_trashed=True):
            video = self.dice.choice(videos)
            self.may_be_gone.add(video.short_id)
            sent = {"action": "empty", "index": "0", "_selected_action": video.key, "post": "yes"}
            self._post("root", "/admin/videos/video/?trash=yes", **sent)

    def _expire(self) -> None:
        """By a worker, since its days are over."""
        videos = self._videos("carol", is_trashed=True)
        if not videos or self._is_carol_gone():
            return
        video = self.dice.choice(videos)
        self.may_be_gone.add(video.short_id)
        age = "UPDATE videos SET trashed_at = ? WHERE id = ? AND trashed_at IS NOT NULL"
        change(self.clone, age, LONG_AGO, video.key)
        self.done["expire"] += 1

    def _delete_carol(self) -> None:
        if not self._is_carol_gone():
            [(key,)] = rows(self.clone, "SELECT id FROM users WHERE username = 'carol'")
            self._post("root", f"/admin/accounts/user/{key}/delete/", post="yes")

    def _undo(self) -> None:
        if self._is_carol_gone():
            newest = "SELECT MAX(id) FROM audit_entries WHERE action = 'member.trash'"
            [(entry,)] = rows(self.clone, newest)
            self._post("root", "/admin/siteconfig/auditentry/undo/", entry=str(entry))

    # -- how --------------------------------------------------------------------------------------

    def _videos(self, name: str, *, is_trashed: bool | None = None) -> list[Item]:
        found = rows(self.clone, OF_MEMBER, name)
        videos = [Item(str(key), str(short_id), bool(it)) for key, short_id, it in found]
        return [it for it in videos if is_trashed in {None, it.is_trashed}]

    def _is_carol_gone(self) -> bool:
        trashed = "SELECT 1 FROM users WHERE username = 'carol' AND trashed_at IS NOT NULL"
        return bool(rows(self.clone, trashed))

    def _post(self, name: str, path: str, **fields: str) -> str:
        """Sends a form as this member. Returns the page that comes after it."""
        browser = self.people[name]
        status, body = browser.post(path, **fields)
        if b'name="password"' in body:
            browser.log_in()
            status, body = browser.post(path, **fields)
        act = f"{name} {path.strip('/').rpartition('/')[2]}"
        self.done[act] += status == 200
        if status == 500:
            self.failures.append(f"{act}: {body[:2000]!r}")
        return body.decode()
