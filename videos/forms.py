"""What people type about videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings

from categories.models import Category
from clipset.lib.fields import LineField, TextField
from clipset.lib.text import title_from_filename

if TYPE_CHECKING:
    from videos.models import Video

MAX_TITLE = 200
MAX_DESCRIPTION = 5000


class _VideoFields(forms.Form):
    title = LineField(
        max_length=MAX_TITLE,
        error_messages={
            "max_length": "A title has at most 200 characters.",
            "blank": "Give the video a title that is more than spaces.",
        },
    )
    description = TextField(
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"max_length": "A description has at most 5,000 characters."},
    )
    category = forms.ModelChoiceField(
        Category.objects.all(),
        required=False,
        to_field_name="slug",
        empty_label="No category",
        error_messages={"invalid_choice": "There is no such category. Choose one of the list."},
    )


class EditForm(_VideoFields):
    """Title, description and category of a video that is there."""

    @classmethod
    def of(cls, video: Video, data: Any = None) -> EditForm:
        initial = {
            "title": video.title,
            "description": video.description or "",
            "category": video.category.slug if video.category else "",
        }
        return cls(data, initial=initial)


class UploadForm(_VideoFields):
    """A film and what is said about it. Without a title it takes the file's name."""

    file = forms.FileField(
        label="Video",
        error_messages={
            "required": "Choose a video to upload.",
            "empty": "This file is empty. Choose another one.",
        },
    )
    field_order = ["file", "title", "description", "category"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].required = False
        self.fields["title"].help_text = "Left empty, the name of the file becomes the title."
        self.fields["file"].widget.attrs["accept"] = ",".join(
            ["video/*", *(f".{extension}" for extension in settings.ACCEPTED_VIDEO_FORMATS)]
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file = cleaned.get("file")
        if file is not None and not cleaned.get("title") and "title" not in self.errors:
            cleaned["title"] = title_from_filename(file.sent_name)
        return cleaned
