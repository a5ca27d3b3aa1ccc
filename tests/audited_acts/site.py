"""The site on which the audited acts happen, and how they are listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts.models import Role
from accounts.services.invitations import issue_invitation
from clipset.ui.admin import IN_TRASH, TrashFilter
from siteconfig.roots import root_path
from tests.builders import (
    PASSWORD,
    make_admin,
    make_caption,
    make_category,
    make_moderator,
    make_user,
    make_video,
)
from videos.models import Caption, Comment, Job, JobState, ProcessingStatus, Video
from videos.services.guest_links import create_guest_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import Invitation, User
    from categories.models import Category
    from videos.models import GuestLink

GB: Final = 1024**3


class Something:
    """Equals every value but None."""

    def __eq__(self, other: object) -> bool:
        return other is not None

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "something"


SOME: Final = Something()


@dataclass(frozen=True)
class Entry:
    """What an entry of the audit log says, but for who acted and when."""

    action: str
    name: str
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


class Site:
    """A site with a moderator, an admin, and things of the member bob, created when needed."""

    def __init__(self) -> None:
        self.mod, self.admin = make_moderator("mod"), make_admin("root_")
        self.bob = make_user("bob", password=PASSWORD)

    @cached_property
    def by_mod(self) -> Client:
        return logged_in(self.mod)

    @cached_property
    def by_admin(self) -> Client:
        return logged_in(self.admin)

    @cached_property
    def video(self) -> Video:
        return make_video("Concert", uploader=self.bob, width=640, height=360)

    @cached_property
    def failed(self) -> Video:
        source = root_path("temp") / "upload-1" / "source.mp4"
        source.parent.mkdir()
        source.write_bytes(b"x")
        names = {"source_root": "temp", "source_key": "upload-1/source.mp4"}
        return make_video("Concert", uploader=self.bob, status=ProcessingStatus.FAILED, **names)

    @cached_property
    def processing(self) -> Video:
        video = make_video("Concert", uploader=self.bob, status=ProcessingStatus.PROCESSING)
        until = timezone.now() + timedelta(minutes=1)
        Job.objects.create(video=video, state=JobState.RUNNING, lease_owner="w", lease_until=until)
        return video

    @cached_property
    def music(self) -> Category:
        return make_category("Music", created_by=self.admin)

    @cached_property
    def comment(self) -> Comment:
        return Comment.objects.create(video=self.video, author=self.bob, text="Hello")

    @cached_property
    def caption(self) -> Caption:
        return make_caption(self.video, "WEBVTT\n", label="English")

    @cached_property
    def guest_link(self) -> GuestLink:
        hour = timedelta(hours=1)
        return create_guest_link(video=self.video, created_by=self.bob, lifetime=hour).link

    @cached_property
    def invitation(self) -> Invitation:
        return issue_invitation(
            email="new@example.org", role=Role.USER, created_by=self.mod
        ).invitation

    def act(
        self, model: str, action: str, thing: Any, *, in_trash: bool = False, **sent: str
    ) -> None:
        """Runs an action of the admin's list, as an admin, on one object."""
        address = reverse(f"admin:{model}_changelist")
        if in_trash:
            address += f"?{TrashFilter.parameter_name}={IN_TRASH}"
        data = {"action": action, "index": "0", "_selected_action": str(thing.pk), "post": "yes"}
        assert self.by_admin.post(address, data | sent).status_code in {200, 302}

    def delete(self, model: str, thing: Any) -> None:
        """Deletes an object on its page in the admin."""
        address = reverse(f"admin:{model}_delete", args=[thing.pk])
        assert self.by_admin.post(address, {"post": "yes"}).status_code == 302

    def change(self, model: str, thing: Any, data: dict[str, str]) -> None:
        """Saves the form of an object in the admin."""
        address = reverse(f"admin:{model}_change", args=[thing.pk])
        assert self.by_admin.post(address, data).status_code == 302

    def post(self, name: str, *arguments: object, **data: Any) -> None:
        """A moderator posts a form of the site."""
        answer = self.by_mod.post(reverse(name, args=arguments), data)
        assert answer.status_code in {200, 302}


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


Act: TypeAlias = "Callable[[Site], list[Entry]]"
ACTS: Final[dict[str, Act]] = {}
COVERED: Final[set[str]] = set()


def covers(*entry_points: str) -> Callable[[Act], Act]:
    """Adds an act to ACTS."""

    def add(act: Act) -> Act:
        ACTS[act.__name__] = act
        COVERED.update(entry_points)
        return act

    return add


def picture() -> SimpleUploadedFile:
    out = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(out, "PNG")
    return SimpleUploadedFile("cover.png", out.getvalue(), "image/png")
