"""Reads and changes the site's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from siteconfig.models import Config
from siteconfig.roots import ORIGINALS, TEMP, THUMBNAILS, video_root_name
from siteconfig.services.video_folder import add_video_root

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def current_config() -> Config:
    """The row as it stands now: one query, never cached, so that a change counts at once."""
    config, _ = Config.objects.get_or_create(pk=Config.SINGLETON_ID)
    return config


def current_video_root() -> str:
    """The root that new videos go to. Two queries. Raises: RootUnavailableError."""
    return video_root_name(current_config())


def roots_for_new_videos() -> list[str]:
    """The roots that an upload needs until its video is published. Raises: RootUnavailableError."""
    return [TEMP, current_video_root(), THUMBNAILS, ORIGINALS]


def save_config(config: Config, *, changed_by: AbstractBaseUser) -> Config:
    """Stores a changed configuration and who changed it. A folder that is no storage root yet
    becomes one. Raises: ValidationError."""
    config.pk = Config.SINGLETON_ID
    config.updated_by_id = changed_by.pk
    config.full_clean()
    with transaction.atomic():
        # One change at a time, so that two new folders don't get the same name.
        before = Config.objects.select_for_update().get(pk=Config.SINGLETON_ID)
        if config.video_storage_path != before.video_storage_path:
            config.video_storage_path = add_video_root(config.video_storage_path)
        config.save()
    return config
