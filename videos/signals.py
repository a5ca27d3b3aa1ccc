"""Signal receivers that request the removal of files. Cascades and the admin delete rows without a
service, and the apps below this one cannot import it."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts.models import User
from accounts.services.avatars import avatar_key
from categories.models import Category
from categories.services import cover_key
from siteconfig.roots import IMAGES
from siteconfig.signals import file_unneeded
from videos.models import RemovalReason, Rendition, Upload, UploadState, Video
from videos.services.removals import request_removal_of_upload, request_removals
from videos.services.stored_files import StoredFile, files_of_row


@receiver(post_delete, sender=Video)
@receiver(post_delete, sender=Rendition)
@receiver(post_delete, sender=Upload)
def request_removal_of_files(instance: Video | Rendition | Upload, **_kwargs: Any) -> None:
    """Requests the removal of the row's files in the deleting transaction, so that they are removed
    only if the row is."""
    if isinstance(instance, Video):
        request_removals(files_of_row(instance), reason=RemovalReason.DELETED, video_id=instance.pk)
    elif isinstance(instance, Upload):
        # An ended upload has its removal already; a finished one is the source of a video.
        if instance.state == UploadState.OPEN:
            request_removal_of_upload(instance)
    elif instance.is_complete:  # else it is removed with the work folder of its attempt
        request_removals(
            [StoredFile(instance.root, instance.filename)],
            reason=RemovalReason.REPLACED,
            video_id=instance.video_id,
        )


@receiver(post_delete, sender=User)
def request_removal_of_avatar(instance: User, **_kwargs: Any) -> None:
    if instance.avatar:
        file = StoredFile(IMAGES, avatar_key(instance.avatar))
        request_removals([file], reason=RemovalReason.DELETED)


@receiver(post_delete, sender=Category)
def request_removal_of_cover(instance: Category, **_kwargs: Any) -> None:
    if instance.image:
        file = StoredFile(IMAGES, cover_key(instance.image))
        request_removals([file], reason=RemovalReason.DELETED)


@receiver(file_unneeded)
def request_removal_of_replaced(root: str, key: str, **_kwargs: Any) -> None:
    request_removals([StoredFile(root, key)], reason=RemovalReason.REPLACED)
