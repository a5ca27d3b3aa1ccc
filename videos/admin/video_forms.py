"""The form, the list of actions and the date filter of videos in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join

from categories.models import Category
from clipset.lib.text import clean_line
from clipset.ui.form_fields import LineField, TextField
from videos.models import HiddenReason, Video
from videos.models.hiding import MAX_REASON, REASON_TOO_LONG
from videos.services.hiding import CHOOSE_REASON, SAY_WHY

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from accounts.models import User


class CategoryField(forms.ModelChoiceField[Category]):
    def bound_data(self, data: Any, initial: Any) -> Any:
        """Does not show an invalid id again, because the autocomplete cannot look it up."""
        try:
            Category._meta.pk.to_python(data)
        except ValidationError:
            return initial
        return data


class VideoForm(forms.ModelForm[Video]):
    """Checks the same rules as the site's own forms."""

    acting: ClassVar[User]  # the member of staff who fills in the form

    class Meta:
        model = Video
        fields = [
            "title",
            "description",
            "category",
            "is_hidden",
            "hidden_reason",
            "hidden_text",
        ]
        field_classes = {"title": LineField, "description": TextField, "hidden_text": TextField}
        error_messages = {
            "title": {"blank": "Enter a title for the video."},
            "hidden_text": {"max_length": REASON_TOO_LONG},
        }
        widgets = {"hidden_text": forms.Textarea(attrs={"rows": 2})}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("is_hidden"):
            return cleaned | {"hidden_reason": "", "hidden_text": ""}
        is_new = bool({"is_hidden", "hidden_reason", "hidden_text"} & set(self.changed_data))
        is_own = self.instance.uploaded_by_id == self.acting.pk
        reason = cleaned.get("hidden_reason")
        if is_new and not is_own and "hidden_reason" not in self.errors and not reason:
            self.add_error("hidden_reason", CHOOSE_REASON)
        if reason == HiddenReason.OTHER and not cleaned.get("hidden_text"):
            self.add_error("hidden_text", SAY_WHY)
        return cleaned


class SuggestingInput(forms.TextInput):
    """A text field that suggests the labels of HiddenReason."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        list_id = f"{name}-suggestions"
        control = super().render(name, value, {**(attrs or {}), "list": list_id}, renderer)
        options = format_html_join("", '<option value="{}">', ((it,) for it in REASONS_BY_LABEL))
        return format_html('{}<datalist id="{}">{}</datalist>', control, list_id, options)


REASONS_BY_LABEL = {
    reason.label: reason for reason in HiddenReason if reason is not HiddenReason.OTHER
}


class HidingActionForm(ActionForm):
    """The list of actions, with the reason for the one that hides."""

    reason = forms.CharField(
        required=False,
        label="because",
        widget=SuggestingInput(
            attrs={"placeholder": "Reason for hiding …", "size": 24, "maxlength": MAX_REASON}
        ),
    )


class VideoActionForm(HidingActionForm):
    """The list of actions of videos, with the category for the one that moves them, too."""

    category = forms.ModelChoiceField(
        Category.objects.all(), required=False, empty_label="Category …", label="to"
    )
    field_order = ("action", "category", "reason")


REASON_FIRST: Final = "Enter a reason next to the action first."


def reason_of(typed: str) -> tuple[str, str]:
    """The reason and the text that somebody typed into the field for both. Raises:
    ValidationError."""
    line = clean_line(typed)
    if not line:
        return "", ""
    if len(line) > MAX_REASON:
        raise ValidationError(REASON_TOO_LONG)
    reason = REASONS_BY_LABEL.get(line)
    return (HiddenReason.OTHER, line) if reason is None else (reason, "")


class UploadedFilter(admin.DateFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "time of upload"
