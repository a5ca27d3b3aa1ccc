"""The form, the list of actions and the date filter of videos in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError

from categories.models import Category
from clipset.ui.form_fields import LineField, TextField
from videos.models import Video


class CategoryField(forms.ModelChoiceField[Category]):
    def bound_data(self, data: Any, initial: Any) -> Any:
        """Does not show an invalid id again, because the autocomplete cannot look it up."""
        try:
            Category._meta.pk.to_python(data)
        except ValidationError:
            return initial
        return data


class VideoForm(forms.ModelForm[Video]):
    """Checks the same rules as the site's own form."""

    class Meta:
        model = Video
        fields = ["title", "description", "category", "is_hidden"]
        field_classes = {"title": LineField, "description": TextField}
        error_messages = {"title": {"blank": "Enter a title for the video."}}


class VideoActionForm(ActionForm):
    """The list of actions, with the category for the action that moves videos."""

    category = forms.ModelChoiceField(
        Category.objects.all(), required=False, empty_label="Category …", label="to"
    )


class UploadedFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "time of upload"
