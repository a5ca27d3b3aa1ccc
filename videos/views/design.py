"""A page with all components, for people who work on them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.services.quota import QuotaState
from videos.selectors.cards import JobProgress, VideoCard
from videos.selectors.sort_orders import SORTS

if TYPE_CHECKING:
    from django.http import HttpResponse

    from clipset.lib.requests import MemberRequest

GB: Final = 1024**3
COLOURS: Final = {
    "Ground": ("canvas", "surface", "sunken", "line", "edge"),
    "Text": ("text", "muted"),
    "Accent": ("accent", "accent-text", "accent-strong", "accent-soft"),
    "Danger": ("danger", "danger-strong", "danger-soft"),
    "States": ("good", "warn", "focus"),
}
SIZES: Final = (34, 26, 20, 16, 14, 12)  # px
SPACES: Final = (4, 8, 12, 16, 24, 32, 48, 64)  # px
NAMES: Final = ("ada", "bob", "charlie", "dora", "eve_miller", "frank", "grace", "henry")


class SampleForm(forms.Form):
    """One field of each kind. A bound form without data shows the errors."""

    title = forms.CharField(help_text="Shown in lists.", max_length=200)
    password = forms.CharField(widget=forms.PasswordInput)
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    category = forms.ChoiceField(choices=[("", "None"), ("music", "Music")], required=False)
    file = forms.FileField(help_text="MP4, MOV or MKV.", required=False)
    notify = forms.BooleanField(label="Notify me when it is ready")

    def clean(self) -> None:
        raise forms.ValidationError("Nothing was saved. Correct the marked fields.")


@require_safe
def design(request: MemberRequest) -> HttpResponse:
    """For staff; members get a 404."""
    if not request.user.is_staff:
        raise Http404("No such page.")
    week = timezone.now() + timedelta(days=3)
    context = {
        "colours": COLOURS,
        "sizes": SIZES,
        "spaces": SPACES,
        "names": NAMES,
        "orders": SORTS,
        "form": SampleForm(auto_id="plain_%s", initial={"title": "Harvest in the hills"}),
        "wrong_form": SampleForm({}, auto_id="wrong_%s"),
        "cards": sample_cards(),
        "quotas": [
            QuotaState(limit_bytes=None, used_bytes=3 * GB, left_bytes=None, resets_at=week),
            QuotaState(limit_bytes=4 * GB, used_bytes=3 * GB, left_bytes=GB, resets_at=week),
            QuotaState(limit_bytes=4 * GB, used_bytes=4 * GB, left_bytes=0, resets_at=week),
        ],
    }
    return render(request, "videos/design.html", context)


def sample_cards() -> list[VideoCard]:
    """A card in every state. Their links lead to this page."""
    half = JobProgress(percent=42, seconds_left=90)
    return [
        _card("A video that everyone sees", like_count=1234),
        _card("Partly watched", watched=38),
        _card("Averylongtitlewithoutanyspaces" * 4, uploader="Konstantin_von_und_zu_Hohenfels"),
        _card("Hidden", state="hidden"),
        _card("In the queue", state="waiting", duration="", duration_seconds=None),
        _card("Processing", state="processing", progress=half, duration="", duration_seconds=None),
        _card("Failed", state="failed", duration="", duration_seconds=None),
    ]


def _card(title: str, **fields: Any) -> VideoCard:
    return VideoCard(
        **{
            "short_id": "",
            "title": title,
            "url": "#cards",
            "thumbnail_url": None,
            "duration": "1:23",
            "duration_seconds": 83.0,
            "uploader": "bob",
            "uploader_url": "#avatars",
            "uploader_avatar_url": None,
            "category": "",
            "category_url": "",
            "created_at": timezone.now() - timedelta(hours=3),
            "view_count": 12345,
            "like_count": 0,
            "state": "",
            "progress": None,
            **fields,
        }
    )
