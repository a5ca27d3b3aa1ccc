"""Reading and changing the site's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import transaction

from siteconfig.models import Config
from siteconfig.roots import ORIGINALS, TEMP, THUMBNAILS, video_root_name
from siteconfig.services.audit import differences, record
from siteconfig.services.video_folder import add_video_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.auth.base_user import AbstractBaseUser

_followers: Final[list[Callable[[Config, Config], None]]] = []


def register_follower(follower: Callable[[Config, Config], None]) -> None:
    """Registers a function of an app above this one. Each change calls it in its transaction, with
    the configuration before and after."""
    _followers.append(follower)


def current_config() -> Config:
    """Returns the configuration, and creates it if it does not exist yet.

    One query each time: nothing is cached, so that a change takes effect immediately.
    """
    config, _ = Config.objects.get_or_create(pk=Config.SINGLETON_ID)
    return config


def current_video_root() -> str:
    """Returns the root for new videos. Two queries. Raises: RootUnavailableError."""
    return video_root_name(current_config())


def roots_for_new_videos() -> list[str]:
    """Returns the roots that an upload needs until its video is published.

    Raises: RootUnavailableError.
    """
    return [TEMP, current_video_root(), THUMBNAILS, ORIGINALS]


def save_config(config: Config, *, changed_by: AbstractBaseUser) -> Config:
    """Stores a changed configuration and the member who changed it.

    If the folder for new videos is not a storage root yet, it becomes one.

    Raises: ValidationError.
    """
    config.pk = Config.SINGLETON_ID
    config.updated_by_id = changed_by.pk
    config.full_clean()
    with transaction.atomic():
        # The lock makes simultaneous changes wait, so that two new roots do not get the same name.
        before = Config.objects.select_for_update().get(pk=Config.SINGLETON_ID)
        if config.video_storage_path != before.video_storage_path:
            config.video_storage_path = add_video_root(config.video_storage_path)
        config.save()
        for follow in _followers:
            follow(before, config)
        old, new = differences(_editable(before), _editable(config))
        if new:
            record("config.change", config, before=old, after=new)
    return config


def _editable(config: Config) -> dict[str, Any]:
    """Returns the fields that an admin sets, as JSON values."""
    not_theirs = {"updated_at", "updated_by"}
    fields = [it for it in Config._meta.concrete_fields if it.editable]
    return {it.name: getattr(config, it.name) for it in fields if it.name not in not_theirs}
