"""Forms of moderators, and of members whose videos they hid."""

from __future__ import annotations

from django import forms

from categories.models import Category
from clipset.ui.form_fields import TextField
from siteconfig.forms import BytesField
from siteconfig.models import MAX_WEEKLY_LIMIT_BYTES
from videos.models import HiddenReason
from videos.models.hiding import MAX_REASON, REASON_TOO_LONG
from videos.models.review_request import MAX_TEXT, TEXT_TOO_LONG
from videos.services.hiding import CHOOSE_REASON
from videos.services.reviews import SAY_SOMETHING


class HideForm(forms.Form):
    """Why a video or a comment is hidden: each reason is a button of the form."""

    text = TextField(
        label="In your own words",
        required=False,
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": REASON_TOO_LONG},
    )
    reason = forms.ChoiceField(
        required=False,
        choices=HiddenReason.choices,
        error_messages={"invalid_choice": CHOOSE_REASON},
    )


class MoveForm(forms.Form):
    """The category that a video is moved to, by its slug; empty for none."""

    category = forms.ModelChoiceField(
        Category.objects.all(),
        required=False,
        to_field_name="slug",
        error_messages={"invalid_choice": "That category was deleted. Choose another one."},
    )


class ReviewForm(forms.Form):
    """What an uploader writes to moderators."""

    text = TextField(
        label="Why should they look again?",
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": SAY_SOMETHING, "max_length": TEXT_TOO_LONG},
    )


class AnswerForm(forms.Form):
    """What a moderator answers."""

    message = TextField(
        label="Message to the uploader",
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": TEXT_TOO_LONG},
    )


class LimitForm(forms.Form):
    """A member's own weekly limit."""

    limit = BytesField(
        label="Custom weekly limit",
        required=False,
        min_bytes=0,
        max_bytes=MAX_WEEKLY_LIMIT_BYTES,
        help_text="For example 10 GB. Leave empty to use the site's limit. 0 stops uploads.",
    )
