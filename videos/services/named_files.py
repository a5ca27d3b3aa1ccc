"""Which of the files that are to be removed a row still names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db.models import Q

from accounts.models import User
from accounts.services.avatars import avatar_key
from categories.models import Category
from categories.services import cover_key
from siteconfig.roots import IMAGES
from videos.filenames import video_id_of
from videos.models import Rendition, Upload, UploadState, Video
from videos.services.stored_files import StoredFile, files_of_row

if TYPE_CHECKING:
    from videos.models import Removal

_IMAGE_FOLDERS: Final = (avatar_key(""), cover_key(""))
_OF_AN_UPLOAD: Final = re.compile(r"upload-([0-9a-f]{32})(/|$)")


def named_files(batch: list[Removal]) -> set[StoredFile]:
    """All files that are named by rows which may name one of these removals. A fixed number of
    queries.

    The names of published files begin with the id of their video, and the folder of an upload with
    the upload's id. Only for other names every row is looked at.
    """
    names = {PurePosixPath(removal.key).name for removal in batch}
    roots = {removal.root for removal in batch}
    keys = {removal.key for removal in batch}
    videos = {removal.video_id for removal in batch if removal.video_id}
    videos |= {video_id for key in keys if (video_id := video_id_of(key))}
    of_uploads = {removal: upload for removal in batch if (upload := _upload_of(removal))}
    uploads = Upload.objects.filter(pk__in=of_uploads.values())
    videos |= set(uploads.exclude(video=None).values_list("video", flat=True))
    rows = Rendition.objects.filter(root__in=roots, filename__in=names, is_complete=True)
    named = {StoredFile(*row) for row in rows.values_list("root", "filename")}
    owners = [
        *Video.objects.filter(pk__in=videos),
        *Video.objects.filter(filename__in=names),
        *_owners_of_others([removal for removal in batch if _is_of_unknown_owner(removal)]),
    ]
    for file in (file for video in owners for file in files_of_row(video)):
        named |= {file, _folder_of(file)}
    named |= _named_images([removal for removal in batch if _is_image(removal)])
    still_open = set(uploads.filter(state=UploadState.OPEN).values_list("pk", flat=True))
    named |= {
        StoredFile(removal.root, removal.key)
        for removal, upload in of_uploads.items()
        if upload in still_open
    }
    return named


def _is_image(removal: Removal) -> bool:
    """Whether it is an avatar or a cover."""
    return removal.root == IMAGES and removal.key.startswith(_IMAGE_FOLDERS)


def _named_images(batch: list[Removal]) -> set[StoredFile]:
    """The avatars and covers among these removals that a row names again."""
    if not batch:
        return set()
    names = [PurePosixPath(removal.key).name for removal in batch]
    avatars = User.objects.filter(avatar__in=names).values_list("avatar", flat=True)
    covers = Category.objects.filter(image__in=names).values_list("image", flat=True)
    keys = [*map(avatar_key, avatars), *map(cover_key, covers)]
    return {StoredFile(IMAGES, key) for key in keys}


def _upload_of(removal: Removal) -> UUID | None:
    """The upload whose folder, or a file in it, is to be removed."""
    found = _OF_AN_UPLOAD.match(removal.key)
    return UUID(found[1]) if found else None


def _folder_of(file: StoredFile) -> StoredFile:
    """The folder of a source, which is needed as long as the source; else the file itself."""
    head, slash, _ = file.key.partition("/")
    return StoredFile(file.root, head) if slash else file


def _is_of_unknown_owner(removal: Removal) -> bool:
    """Whether neither the row nor the name tells which video the file belongs to."""
    is_known = _is_image(removal) or video_id_of(removal.key)
    return removal.video_id is None and not is_known


def _owners_of_others(batch: list[Removal]) -> list[Video]:
    """The videos that name one of these files, or a file in one of these folders. Looks at every
    row."""
    if not batch:
        return []
    names = [PurePosixPath(removal.key).name for removal in batch]
    keys = [removal.key for removal in batch]
    below = Q(pk__in=[])
    for key in keys:
        below |= Q(source_key__startswith=f"{key}/")
    return list(
        Video.objects.filter(
            below
            | Q(thumbnail_filename__in=names)
            | Q(storyboard_filename__in=names)
            | Q(source_key__in=keys)
            | Q(original_key__in=keys)
        )
    )
