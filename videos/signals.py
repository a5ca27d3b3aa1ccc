"""The one signal receiver: cascades and the admin delete rows without asking a service."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from clipset.lib.queue import enqueue
from videos.models import Rendition, Video
from videos.services.files import paths_of


@receiver(post_delete, sender=Video)
@receiver(post_delete, sender=Rendition)
def queue_removal_of_files(instance: Video | Rendition, **_kwargs: Any) -> None:
    """In the deleting transaction: the files go when, and only when, the row is gone."""
    if isinstance(instance, Video):
        enqueue("videos.tasks.remove_files", str(instance.pk), paths_of(instance))
    elif instance.is_complete:  # else it lies in the folder of an attempt, and goes with that
        enqueue("videos.tasks.remove_files", str(instance.video_id), [str(instance.path)])
