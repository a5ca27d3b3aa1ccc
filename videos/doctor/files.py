"""Checks for rows without files, files without rows, and files that were set aside long ago."""

from __future__ import annotations

import os
import re
import time
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from categories.models import Category
from clipset.lib.units import human_bytes, plural
from siteconfig.backup.comparing import sha256_of
from siteconfig.doctor import DoctorStoppedError, Finding, Look
from siteconfig.models import RootKind, StorageRoot
from siteconfig.roots import IMAGES, TEMP, is_available, root_names, root_path
from videos.doctor.mending import (
    FilesSetAside,
    each_of,
    has_open_job,
    is_missing,
    make_again,
    move_aside,
    put_back,
    stop_if_away,
)
from videos.models import FileHash, Removal, Rendition, Upload, Video
from videos.services.processing.adopt import may_be_adopted
from videos.services.set_aside import all_set_aside
from videos.services.storage import OWN_FOLDERS
from videos.services.stored_files import UPLOAD_FOLDER, StoredFile, stored_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from siteconfig.services.doctor_log import Journal

# A worker may be about to name a younger file in a row.
MIN_AGE_SECONDS: Final = 3600
OLD: Final = timedelta(days=30)
WHY: Final = "The doctor found no database row that names this file."
# Names that the site writes (published files, avatars, covers) begin with the id of their owner.
_OWN_NAME: Final = re.compile(r"\.?(?P<id>[0-9a-f]{32})[-.].+")
PUT_BACK: Final = "Move the file back from where it was set aside."
MAKE_AGAIN: Final = "Delete this rendition and let a worker make it again."


# -- rows without files ---------------------------------------------------------------------------


def find_missing(_look: Look) -> Iterator[Finding]:
    """Finds videos, renditions, originals and sources that rows name and that are missing."""
    aside = FilesSetAside()
    seen = set[StoredFile]()
    complete = Rendition.objects.filter(is_complete=True).select_related("video")
    for rendition in each_of(complete):
        file = StoredFile(rendition.root, rendition.filename)
        seen.add(file)
        if is_missing(file):
            is_main = rendition.filename == rendition.video.filename
            what = f"rendition {rendition.name}"
            facts = {} if is_main else {"rendition": rendition.pk}
            yield _missing(file, what, rendition.video, aside, facts)
    for video in each_of(Video.objects.finished()):
        if video.original_key:
            file = StoredFile(video.original_root, video.original_key)
            if is_missing(file):
                yield _missing(file, "original", video, aside, {})
        file = StoredFile(video.storage_root, video.filename)
        if file not in seen and is_missing(file):
            yield _missing(file, "file", video, aside, {})
    for video in each_of(Video.objects.exclude(source_key="")):
        file = StoredFile(video.source_root, video.source_key)
        if is_missing(file):
            yield _missing(file, "source", video, aside, {})


def find_changed(look: Look) -> Iterator[Finding]:
    """Finds stored files whose SHA-256 has changed. Runs with --deep only: it reads all files."""
    if not look.is_deep:
        return
    for known in each_of(FileHash.objects.all()):
        look.tick()
        file = StoredFile(known.root, known.key)
        if is_missing(file):
            continue
        if sha256_of(stored_path(*file)) != known.sha256:
            subject = f"{file.root}/{file.key}"
            sentence = (
                f"The file {subject} has changed since it was stored (its SHA-256 differs). "
                "Restore it from a backup."
            )
            yield Finding("hashes", sentence, subject)


def _missing(
    file: StoredFile,
    what: str,
    video: Video,
    aside: FilesSetAside,
    facts: dict[str, int],
) -> Finding:
    sentence = f"The {what} of the video {video.short_id} is missing: {file.root}/{file.key}."
    mend = None
    if file in aside:
        mend, facts = PUT_BACK, {}
    elif facts:
        mend = MAKE_AGAIN
    else:
        sentence += " Restore it from a backup."
    subject = f"{file.root}/{file.key}"
    all_facts = {"root": file.root, "key": file.key, **facts}
    return Finding("missing_files", sentence, subject, mend, all_facts)


def mend_missing(finding: Finding, journal: Journal) -> None:
    file = StoredFile(finding.facts["root"], finding.facts["key"])
    if not is_missing(file):
        return
    if "rendition" not in finding.facts:
        put_back(file, journal)
        return
    rendition = Rendition.objects.select_related("video").get(pk=finding.facts["rendition"])
    make_again(rendition, journal)


# -- files without rows ---------------------------------------------------------------------------


def find_unknown(look: Look) -> Iterator[Finding]:
    """Finds files in the storage roots that no row names.

    Reads the folders before the rows, so that files published meanwhile are not reported.
    """
    listed = {root: list(_old_entries(root)) for root in root_names() if is_available(root)}
    asked = set(Removal.objects.values_list("root", "key"))
    worked_on = {str(pk) for pk in has_open_job().values_list("video", flat=True)}
    for root, keys in listed.items():
        named = _names_in(root)
        for key in keys:
            look.tick()
            if key in named or (root, key) in asked:
                continue
            yield from _unknown(root, key, worked_on)
        stop_if_away(root)


def _unknown(root: str, key: str, worked_on: set[str]) -> Iterator[Finding]:
    found = _OWN_NAME.fullmatch(PurePosixPath(key).name) if key.isprintable() else None
    is_upload = root == TEMP and UPLOAD_FOLDER.fullmatch(key) is not None
    subject, facts = f"{root}/{key}", {"root": root, "key": key}
    if not found and not is_upload:
        sentence = f"Clipset did not create {subject}. If nobody needs it, move it elsewhere."
        yield Finding("unknown_files", sentence, subject)
        return
    if found and root != IMAGES:
        video_id = UUID(found["id"])
        if str(video_id) in worked_on or may_be_adopted(video_id):
            return
    sentence = f"No database row names the file {subject}."
    yield Finding("unknown_files", sentence, subject, "Set the file aside.", facts)


def _old_entries(root: str) -> Iterator[str]:
    """Yields the keys of files (in the temp root, of upload folders) that are old enough."""
    folder = root_path(root)
    before = time.time() - MIN_AGE_SECONDS
    for below in OWN_FOLDERS if root == IMAGES else ("",):
        try:
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    has_expected_name = bool(UPLOAD_FOLDER.fullmatch(entry.name)) == (root == TEMP)
                    is_hidden = entry.name.startswith(".") and not _OWN_NAME.fullmatch(entry.name)
                    is_right = entry.is_dir() if root == TEMP else entry.is_file()
                    if not has_expected_name or is_hidden or not is_right:
                        continue
                    if entry.stat(follow_symlinks=False).st_ctime < before:
                        yield f"{below}/{entry.name}" if below else entry.name
        except FileNotFoundError:
            stop_if_away(root)
        except OSError as error:
            raise DoctorStoppedError(f"{folder} cannot be read: {error.strerror}.") from error


def _names_in(root: str) -> set[str]:
    """Returns the keys that rows name in a root; for uploads, their folders."""
    kind = StorageRoot.objects.filter(name=root).values_list("kind", flat=True).first() or root
    if kind == RootKind.IMAGES:
        avatars = User.objects.exclude(avatar="").values_list("avatar", flat=True)
        covers = Category.objects.exclude(image="").values_list("image", flat=True)
        return {f"avatars/{name}" for name in avatars} | {f"categories/{name}" for name in covers}
    named = set(Rendition.objects.filter(root=root).values_list("filename", flat=True))
    for of_root, key in (
        ("storage_root", "filename"),
        ("thumbnail_root", "thumbnail_filename"),
        ("storyboard_root", "storyboard_filename"),
        ("original_root", "original_key"),
        ("source_root", "source_key"),
    ):
        named |= set(Video.objects.filter(**{of_root: root}).values_list(key, flat=True))
    if kind == RootKind.TEMP:
        uploads = Upload.objects.filter(root=root).values_list("pk", flat=True)
        named = {str(key).partition("/")[0] for key in named}
        named |= {f"upload-{pk.hex}" for pk in uploads}
    return named


def mend_unknown(finding: Finding, journal: Journal) -> None:
    file = StoredFile(finding.facts["root"], finding.facts["key"])
    if file.key in _names_in(file.root) or Removal.objects.filter(root=file.root, key=file.key):
        return
    found = _OWN_NAME.fullmatch(PurePosixPath(file.key).name)
    video_id = UUID(found["id"]) if found and file.root != IMAGES else None
    move_aside(file, journal, why=WHY, video_id=video_id)


# -- set aside ------------------------------------------------------------------------------------


def find_old_set_aside(_look: Look) -> Iterator[Finding]:
    """Finds files that were set aside more than 30 days ago, which an admin should review."""
    before = timezone.now() - OLD
    sizes = [one.size_bytes for one in all_set_aside() if one.set_aside_at < before]
    if sizes:
        yield Finding(
            "set_aside",
            f"{plural(len(sizes), 'file')} ({human_bytes(sum(sizes))}) set aside for over 30 days. "
            "manage.py restore_set_aside lists them; manage.py prune_set_aside deletes them.",
        )
