"""Categories that videos can be filed under."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Length, Lower, Trim
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.urls import reverse
from django.utils import timezone


class Category(models.Model):
    """A shelf for videos. Deleting it keeps its videos; deleting its maker deletes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        max_length=100,
        unique=True,
        error_messages={"unique": "There is a category with this name already."},
    )
    slug = models.SlugField(
        max_length=120,
        unique=True,
        help_text="Used in the category's address. Changing it breaks existing links.",
        error_messages={"unique": "There is a category with this address already."},
    )
    description = models.TextField(max_length=500, blank=True, default="")
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
                violation_error_message="There is a category with this name already.",
            ),
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Length(Trim("name")), 1),
                name="categories_name_not_blank",
                violation_error_message="A category needs a name.",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), 500),
                name="categories_description_length",
                violation_error_message="Use at most 500 characters.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("category", args=[self.slug])
