"""Reads and changes the site's configuration."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError

from siteconfig.models import Config

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

OTHER_FOLDERS = ("THUMBNAIL_STORAGE_PATH", "TEMP_STORAGE_PATH", "ORIGINAL_STORAGE_PATH")


def current_config() -> Config:
    """The row as it stands now: one query, never cached, so that a change counts at once."""
    config, _ = Config.objects.get_or_create(pk=Config.SINGLETON_ID)
    return config


def save_config(config: Config, *, changed_by: AbstractBaseUser) -> Config:
    """Stores a changed configuration and who changed it."""
    config.pk = Config.SINGLETON_ID
    config.updated_by_id = changed_by.pk
    config.full_clean()
    config.save()
    return config


def one_in_the_other(first: Path, second: Path) -> bool:
    """Whether two folders are the same or one lies in the other, also by links: what is removed
    from the one as left over would be missing in the other."""
    first, second = Path(os.path.realpath(first)), Path(os.path.realpath(second))
    return first.is_relative_to(second) or second.is_relative_to(first)


def usable_folder(path: str) -> Path:
    """The absolute folder, made if it is missing, that a file could be written to just now.

    Raises ValidationError with the reason when the path is relative, is no folder, cannot be
    written to, or has to do with a folder for other files.
    """
    folder = Path(path)
    if not folder.is_absolute():
        raise ValidationError("Give the whole path of the folder, beginning with a slash.")
    try:
        for name in OTHER_FOLDERS:
            if one_in_the_other(folder, other := Path(getattr(settings, name))):
                raise ValidationError(
                    f"This is, holds or lies in {other}, the folder for other files ({name}). "
                    "Choose one apart from it."
                )
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise ValidationError(
            f"Nothing can be written there: {reason}. Choose another folder, or "
            "let the user that runs Clipset write to this one."
        ) from error
    return folder
