"""Checks for missing thumbnails, small thumbnails, storyboards, avatars and covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from accounts.models import User
from categories.models import Category
from clipset.lib.units import plural
from clipset.workers.task_queue import enqueue
from siteconfig.doctor import Finding, Look
from siteconfig.roots import IMAGES, THUMBNAILS, is_available, root_path
from videos.doctor.mending import (
    FilesSetAside,
    add_job,
    each_of,
    is_missing,
    log_rerun,
    put_back,
)
from videos.models import JobKind, Video
from videos.services.stored_files import StoredFile, names_in, small_of
from videos.services.thumbnails import enqueue_lost_thumbnails

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from siteconfig.services.doctor_log import Journal

PUT_BACK: Final = "Move the file back from where it was set aside."
THUMBNAIL_AT_SECONDS: Final = 1.0


# -- thumbnails and storyboards -------------------------------------------------------------------


def find_thumbnails(_look: Look) -> Iterator[Finding]:
    """Finds ready videos without a thumbnail, unless one is already being made."""
    aside = FilesSetAside()
    for video in each_of(Video.objects.finished().filter(thumbnail_wanted_at=None)):
        file = _thumbnail(video)
        if file is not None and not is_missing(file):
            continue
        can_be_made = not is_missing(StoredFile(video.storage_root, video.filename))
        mend = "Let a worker make one." if can_be_made else None
        facts: dict[str, object] = {"video": str(video.pk)}
        if file is not None and file in aside:
            mend, facts = PUT_BACK, {"root": file.root, "key": file.key}
        sentence = f"The video {video.short_id} has no thumbnail."
        yield Finding("thumbnails", sentence, video.short_id, mend, facts)


def mend_thumbnail(finding: Finding, journal: Journal) -> None:
    if _was_put_back(finding.facts, journal):
        return
    video = Video.objects.get(pk=finding.facts["video"])
    wanted = min(THUMBNAIL_AT_SECONDS, (video.duration_seconds or 0) / 2)
    journal.change_row(video, thumbnail_wanted_at=wanted)
    enqueue_lost_thumbnails()


def _thumbnail(video: Video) -> StoredFile | None:
    if not video.thumbnail_filename:
        return None
    return StoredFile(video.thumbnail_root, video.thumbnail_filename)


def find_storyboards(_look: Look) -> Iterator[Finding]:
    """Finds storyboards that rows name and that are missing."""
    aside = FilesSetAside()
    for video in each_of(Video.objects.exclude(storyboard_filename="")):
        file = StoredFile(video.storyboard_root, video.storyboard_filename)
        if not is_missing(file):
            continue
        mend = "Let a worker make it again."
        facts: dict[str, object] = {"video": str(video.pk)}
        if file in aside:
            mend, facts = PUT_BACK, {"root": file.root, "key": file.key}
        sentence = f"The storyboard of the video {video.short_id} is missing."
        yield Finding("storyboards", sentence, video.short_id, mend, facts)


def mend_storyboard(finding: Finding, journal: Journal) -> None:
    if _was_put_back(finding.facts, journal):
        return
    with transaction.atomic():
        video = Video.objects.select_for_update().get(pk=finding.facts["video"])
        if not video.storyboard_filename:
            return
        if not is_missing(StoredFile(video.storyboard_root, video.storyboard_filename)):
            return
        journal.change_row(video, storyboard_filename="", storyboard_root="", storyboard_grid=None)
        if video.is_ready:
            add_job(video, JobKind.ENRICH, journal)


def _was_put_back(facts: Mapping[str, Any], journal: Journal) -> bool:
    if "key" not in facts:
        return False
    file = StoredFile(facts["root"], facts["key"])
    if is_missing(file):
        put_back(file, journal)
    return True


# -- small thumbnails -----------------------------------------------------------------------------


def find_small(_look: Look) -> Iterator[Finding]:
    """Finds thumbnails without a small one for lists; one finding for all of them."""
    if not is_available(THUMBNAILS):
        return
    folder = root_path(THUMBNAILS)
    small = {name.rpartition(".")[0] for name in names_in(small_of(folder / "any").parent)}
    there = {name.rpartition(".")[0] for name in names_in(folder) if name.endswith(".jpg")}
    named = Video.objects.filter(thumbnail_root=THUMBNAILS).exclude(thumbnail_filename=None)
    names = named.values_list("thumbnail_filename", flat=True)
    stems = {str(name).rpartition(".")[0] for name in names}
    if missing := len((stems & there) - small):
        yield Finding(
            "small_thumbnails",
            f"{plural(missing, 'small thumbnail')} missing; lists show the large ones instead.",
            mend="Let a worker make them.",
        )


def mend_small(_finding: Finding, journal: Journal) -> None:
    log_rerun("a worker was asked to make small thumbnails", journal)
    enqueue("videos.tasks.make_missing_small_thumbnails")


# -- avatars and covers ---------------------------------------------------------------------------


def find_missing_images(_look: Look) -> Iterator[Finding]:
    """Finds avatars and covers that rows name and that are missing."""
    if not is_available(IMAGES):
        return
    aside = FilesSetAside()
    for user in each_of(User.objects.exclude(avatar="")):
        file = StoredFile(IMAGES, f"avatars/{user.avatar}")
        if is_missing(file):
            facts = {"user": str(user.pk)}
            yield _image(file, f"The avatar of the member {user.username}", aside, facts)
    for category in each_of(Category.objects.exclude(image="")):
        file = StoredFile(IMAGES, f"categories/{category.image}")
        if is_missing(file):
            facts = {"category": str(category.pk)}
            yield _image(file, f"The cover of the category {category.name}", aside, facts)


def _image(file: StoredFile, what: str, aside: FilesSetAside, facts: dict[str, str]) -> Finding:
    mend = "Delete its name from the database, so that pages show the default."
    if file in aside:
        mend, facts = PUT_BACK, {"root": file.root, "key": file.key}
    subject = f"{file.root}/{file.key}"
    return Finding("images", f"{what} is missing: {subject}.", subject, mend, facts)


def mend_image(finding: Finding, journal: Journal) -> None:
    if _was_put_back(finding.facts, journal):
        return
    if "user" in finding.facts:
        user = User.objects.get(pk=finding.facts["user"])
        if user.avatar and is_missing(StoredFile(IMAGES, f"avatars/{user.avatar}")):
            journal.change_row(user, avatar="")
        return
    category = Category.objects.get(pk=finding.facts["category"])
    if category.image and is_missing(StoredFile(IMAGES, f"categories/{category.image}")):
        journal.change_row(category, image="")
