"""A form field for sizes in bytes, and the form of the configuration."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from clipset.lib.units import human_bytes
from siteconfig.models import (
    MAX_FILE_LIMIT_BYTES,
    MAX_STORED_LIMIT_BYTES,
    MAX_WEEKLY_LIMIT_BYTES,
    MIN_FILE_LIMIT_BYTES,
    Config,
)
from siteconfig.services.video_folder import usable_video_folder

_SIZE: Final = re.compile(
    r"(?P<number>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,19}(?:\.[0-9]{1,3})?)\s*"
    r"(?:bytes?|b|(?P<unit>[kmgt])(?:i?b)?)?",
    re.IGNORECASE,
)
_FACTORS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}

MB: Final = 1024**2
GB: Final = 1024**3
TB: Final = 1024**4


def parse_bytes(text: str) -> int:
    """Returns the bytes that "2 GB", "1.5 g", "512 MiB" or "2,147,483,648" mean, in units of 1024.

    Raises: ValueError for any other text.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"no size: {text!r}")
    factor = _FACTORS[(found["unit"] or "").lower()]
    return int((Decimal(found["number"].replace(",", "")) * factor).to_integral_value())


class BytesField(forms.Field):
    """A field for a number of bytes, which may be typed with a unit.

    It shows a number with its unit if that is exact, else the bytes.
    """

    widget = forms.TextInput(attrs={"size": 16, "autocomplete": "off"})
    default_error_messages = {"invalid": "Enter a size such as 2 GB or 500 MB."}

    def __init__(self, *, min_bytes: int, max_bytes: int, **kwargs: Any) -> None:
        at_least = f"Must be at least {human_bytes(min_bytes)}."
        at_most = f"Must be at most {human_bytes(max_bytes)}."
        kwargs.setdefault(
            "validators",
            [MinValueValidator(min_bytes, at_least), MaxValueValidator(max_bytes, at_most)],
        )
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, int):
            return value
        text = human_bytes(value)
        return text if _is_exact(text, value) else str(value)

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        try:
            return parse_bytes(str(value))
        except ValueError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


def _is_exact(text: str, value: int) -> bool:
    try:
        return parse_bytes(text) == value
    except ValueError:
        return False  # parse_bytes does not know petabytes and exabytes


class ConfigForm(forms.ModelForm[Config]):
    max_file_size_bytes = BytesField(
        label="Largest file",
        min_bytes=MIN_FILE_LIMIT_BYTES,
        max_bytes=MAX_FILE_LIMIT_BYTES,
        help_text="The largest file a member can upload, for example 2 GB.",
    )
    weekly_upload_limit_bytes = BytesField(
        label="Weekly limit",
        min_bytes=0,
        max_bytes=MAX_WEEKLY_LIMIT_BYTES,
        help_text="How much a member can upload per week, for example 4 GB. Can be overridden per "
        "member; admins have no limit. 0 stops uploads for everyone else.",
    )
    stored_limit_bytes = BytesField(
        label="Storage limit",
        required=False,
        min_bytes=0,
        max_bytes=MAX_STORED_LIMIT_BYTES,
        help_text="How much the files of a member's videos may take on the site's disks, for "
        "example 40 GB: all versions, originals and captions, also in the trash. Leave empty for "
        "no limit. Can be overridden per member; admins have no limit.",
    )

    class Meta:
        model = Config
        fields = [
            "max_file_size_bytes",
            "weekly_upload_limit_bytes",
            "stored_limit_bytes",
            "video_storage_path",
            "quality",
            "max_short_side",
            "make_720p",
            "make_480p",
            "offer_original_quality",
            "keep_originals",
            "keep_originals_days",
            "encoder",
        ]
        widgets = {"video_storage_path": forms.TextInput(attrs={"size": 60})}

    def clean_video_storage_path(self) -> str:
        """Checks the folder only if it changes: its disk may not be mounted at the moment."""
        path: str = self.cleaned_data["video_storage_path"]
        return path if path == self.instance.video_storage_path else usable_video_folder(path)
