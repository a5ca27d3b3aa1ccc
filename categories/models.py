"""Categories of videos."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Length, Lower, Trim
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.urls import reverse
from django.utils import timezone

MAX_NAME_LENGTH = 100
MAX_SLUG_LENGTH = 120
MAX_DESCRIPTION_LENGTH = 500

NAME_MISSING = "Enter a name."
NAME_TAKEN = "Another category already has this name. Choose a different one."
SLUG_TAKEN = "Another category already has this address. Choose a different one."


class Category(models.Model):
    """A category. Its videos stay if it is deleted; it is deleted with the member who created it.

    Deleting a member in the admin hands their categories to the deleting admin first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        max_length=MAX_NAME_LENGTH, unique=True, error_messages={"unique": NAME_TAKEN}
    )
    slug = models.SlugField(
        max_length=MAX_SLUG_LENGTH,
        unique=True,
        help_text="Used in the category's address. Changing it breaks existing links.",
        error_messages={"unique": SLUG_TAKEN},
    )
    description = models.TextField(max_length=MAX_DESCRIPTION_LENGTH, blank=True, default="")
    image = models.CharField(max_length=100, blank=True, default="", editable=False)
    is_sample = models.BooleanField(default=False, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="categories",
        db_column="created_by",
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "categories"
        ordering = ["name"]
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="categories_name_any_case",
                violation_error_message=NAME_TAKEN,
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Length(Trim("name")), 1),
                name="categories_name_not_blank",
                violation_error_message=NAME_MISSING,
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), MAX_DESCRIPTION_LENGTH),
                name="categories_description_length",
                violation_error_message=f"Use at most {MAX_DESCRIPTION_LENGTH} characters.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("category", args=[self.slug])
