"""Forms of reports: the member's and the moderator's."""

from __future__ import annotations

from typing import Any

from django import forms

from clipset.ui.form_fields import TextField
from videos.models import ReportAct, ReportReason
from videos.models.hiding import MAX_REASON, REASON_TOO_LONG
from videos.models.report import (
    MAX_MESSAGE,
    MAX_REPORT_TEXT,
    MESSAGE_TOO_LONG,
    REASON_MISSING,
    REPORT_TOO_LONG,
    TEXT_MISSING,
)


class ReportForm(forms.Form):
    """Why a member reports something."""

    reason = forms.ChoiceField(
        choices=ReportReason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": REASON_MISSING, "invalid_choice": REASON_MISSING},
    )
    text = TextField(
        label="What is wrong",
        max_length=MAX_REPORT_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"max_length": REPORT_TOO_LONG},
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="report_%s")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("reason") == ReportReason.OTHER and cleaned.get("text") == "":
            self.add_error("text", TEXT_MISSING)
        return cleaned


class _MessageField(TextField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=MAX_MESSAGE,
            required=False,
            widget=forms.Textarea(attrs={"rows": 2}),
            error_messages={"max_length": MESSAGE_TOO_LONG},
            **kwargs,
        )


class DecisionForm(forms.Form):
    """What a moderator decides about the reports of one thing.

    `decision` is "reject" or one of the acts, each with a button of its own; resolving without an
    act is "".
    """

    REJECT = "reject"

    message_to_reporter = _MessageField(
        label="Message to the reporter",
        help_text="They are told in any case whether their report was resolved or rejected.",
    )
    message_to_member = _MessageField(
        label="Message to the reported member",
        help_text="Sent only if you write something. They never learn who reported, so don't give "
        "it away here.",
    )
    note = _MessageField(label="Note", help_text="Only moderators and admins can read it.")
    seen_until = forms.DateTimeField(widget=forms.HiddenInput, required=False)
    decision = forms.ChoiceField(
        choices=[*ReportAct.choices, (REJECT, "Reject")], required=False, widget=forms.HiddenInput
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        # The uploader reads it as the reason.
        is_reason = cleaned.get("decision") == ReportAct.HIDE_VIDEO
        if is_reason and len(cleaned.get("message_to_member") or "") > MAX_REASON:
            self.add_error("message_to_member", REASON_TOO_LONG)
        return cleaned
