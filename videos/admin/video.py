"""Videos in the admin: list, form, actions and deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from accounts.models import User
from categories.models import Category
from clipset.lib.units import clock, human_bytes, plural
from clipset.ui.admin import MAX_LISTED, GuardedAdmin, state_word, with_rest
from clipset.ui.form_fields import LineField, TextField
from clipset.ui.template_tags import relative_time
from videos.models import Job, JobState, ProcessingStatus, Video, VideoDeletion
from videos.selectors.cards import small_thumbnail_url, thumbnail_url
from videos.services.deletions import enqueue_deletions, request_deletions
from videos.services.details import delete_video, edit_video, move_to_category, set_hidden
from videos.services.processing.attempt import cancel_processing, retry_enrichment, retry_processing

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

SHORT_TITLE: Final = 32  # characters
TONES: Final = {
    ProcessingStatus.PENDING: "quiet",
    ProcessingStatus.PROCESSING: "warn",
    ProcessingStatus.COMPLETED: "good",
    ProcessingStatus.FAILED: "danger",
}


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


@admin.register(Video)
class VideoAdmin(GuardedAdmin[Video]):
    """Videos can be changed and deleted here. They are created by uploads only."""

    form = VideoForm
    list_display = [
        "thumbnail",
        "short_title",
        "state",
        "uploaded_by",
        "category",
        "length",
        "size",
        "views",
        "uploaded",
    ]
    list_display_links = ["short_title"]
    list_filter = ["processing_status", "is_hidden", "category", ("created_at", UploadedFilter)]
    list_select_related = ["uploaded_by", "category"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = [
        "title",
        "description",
        "original_filename",
        "uploaded_by__username",
        "category__name",
        "=short_id",
    ]
    autocomplete_fields = ["category"]
    action_form = VideoActionForm
    actions = ["hide", "unhide", "retry", "cancel", "enrich", "move", "take_out"]
    fieldsets = [
        (None, {"fields": ["preview", "title", "description", "category", "is_hidden"]}),
        ("State", {"fields": ["state", "error_message", "uploaded_by", "created_at"]}),
        (
            "Video details",
            {
                "fields": [
                    "length",
                    "dimensions",
                    "encoding",
                    "renditions",
                    "view_count",
                    "updated_at",
                ]
            },
        ),
        (
            "Files",
            {"fields": ["original_filename", "size", "stored", "filename", "source", "charged"]},
        ),
    ]
    readonly_fields = [
        "preview",
        "state",
        "error_message",
        "uploaded_by",
        "created_at",
        "length",
        "dimensions",
        "encoding",
        "renditions",
        "view_count",
        "updated_at",
        "original_filename",
        "size",
        "stored",
        "filename",
        "source",
        "charged",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Video]:
        running = Job.objects.filter(video=OuterRef("pk"), state=JobState.RUNNING)
        percent = Subquery(running.values("progress")[:1])
        marked = Exists(VideoDeletion.objects.filter(video=OuterRef("pk")))
        return super().get_queryset(request).annotate(percent=percent, is_marked=marked)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "category":
            kwargs["form_class"] = CategoryField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    # What is shown
    @admin.display(description="Title", ordering="title")
    def short_title(self, video: Video) -> SafeString:
        """Cuts the title, because a long one without spaces would push out other columns."""
        short = Truncator(video.title).chars(SHORT_TITLE)
        return format_html('<span title="{}">{}</span>', video.title, short)

    @admin.display(description="Thumbnail")
    def thumbnail(self, video: Video) -> SafeString:
        return _linked_thumbnail(
            video, small_thumbnail_url(video), width=96, height=54, css="thumb"
        )

    @admin.display(description="Thumbnail")
    def preview(self, video: Video) -> SafeString:
        return _linked_thumbnail(
            video, thumbnail_url(video), width=480, height=270, css="thumb thumb--large"
        )

    @admin.display(description="State", ordering="processing_status")
    def state(self, video: Video) -> SafeString:
        if video.is_marked:  # type: ignore[attr-defined] # annotated above
            return state_word("deleting", "Being deleted", "danger")
        status = ProcessingStatus(video.processing_status)
        percent = video.percent  # type: ignore[attr-defined] # annotated above
        word = status.label if percent is None else f"{status.label}, {percent}%"
        state = state_word(status.lower(), word, TONES[status])
        if video.is_hidden:
            return format_html("{} {}", state, state_word("hidden", "Hidden", "warn"))
        return state

    @admin.display(description="Length", ordering="duration_seconds")
    def length(self, video: Video) -> str:
        return "–" if video.duration_seconds is None else clock(video.duration_seconds)

    @admin.display(description="Size", ordering="file_size_bytes")
    def size(self, video: Video) -> str:
        return human_bytes(video.file_size_bytes)

    @admin.display(description="Views", ordering="view_count")
    def views(self, video: Video) -> str:
        return f"{video.view_count:,}"

    @admin.display(description="Uploaded", ordering="created_at")
    def uploaded(self, video: Video) -> SafeString:
        return relative_time(video.created_at)

    @admin.display(description="Dimensions")
    def dimensions(self, video: Video) -> str:
        return f"{video.width} × {video.height} pixels" if video.width and video.height else "–"

    @admin.display(description="Encoding")
    def encoding(self, video: Video) -> str:
        if not video.is_ready:
            return "–"
        return "Original, untouched" if video.was_copied else "Re-encoded"

    @admin.display(description="Renditions")
    def renditions(self, video: Video) -> str:
        found = video.renditions.filter(is_complete=True)
        return ", ".join(f"{one.name} ({human_bytes(one.size_bytes)})" for one in found) or "–"

    @admin.display(description="Stored size")
    def stored(self, video: Video) -> str:
        return "–" if video.stored_bytes is None else human_bytes(video.stored_bytes)

    @admin.display(description="Original file")
    def source(self, video: Video) -> str:
        if video.source_key:
            return "Kept until processing finishes"
        return "Kept, because the video was re-encoded" if video.original_key else "Not kept"

    @admin.display(description="Counted against quota")
    def charged(self, video: Video) -> str:
        return human_bytes(video.quota_bytes)

    # Changes
    def save_model(self, request: HttpRequest, obj: Video, form: forms.Form, change: bool) -> None:
        """Saves only the form's fields, because a worker may change the row at the same time."""
        if {"title", "description", "category"} & set(form.changed_data):
            edit_video(
                video=obj,
                title=obj.title,
                description=obj.description or "",
                category=obj.category,
            )
        if "is_hidden" in form.changed_data:
            set_hidden(video=obj, hidden=obj.is_hidden)

    @admin.action(description="Hide selected videos", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._set_hidden(request, queryset, hidden=True)

    @admin.action(description="Unhide selected videos", permissions=["change"])
    def unhide(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._set_hidden(request, queryset, hidden=False)

    def _set_hidden(self, request: HttpRequest, queryset: QuerySet[Video], *, hidden: bool) -> None:
        done = 0
        for video in queryset.filter(is_hidden=not hidden):
            # One transaction per video, so that others can write in between.
            with transaction.atomic():
                set_hidden(video=video, hidden=hidden)
                self.log_change(request, video, "Hidden." if hidden else "Unhidden.")
            done += 1
        what = "hidden" if hidden else "unhidden"
        self.message_user(request, f"{plural(done, 'video')} {what}.")

    @admin.action(description="Retry processing of selected videos", permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        done = 0
        for video in queryset.select_related("uploaded_by"):
            try:
                with transaction.atomic():
                    self._retry(request, video)
                done += 1
            except ValidationError as error:
                sentence = f"“{video.title}”: {' '.join(error.messages)}"
                self.message_user(request, sentence, messages.ERROR)
        if done:
            self.message_user(request, f"{plural(done, 'video')} will be processed again.")

    def _retry(self, request: HttpRequest, video: Video) -> None:
        if not video.is_failed:
            raise ValidationError("Only failed videos can be retried.")
        retry_processing(video=video, by_staff=True)
        self.log_change(request, video, "Processing retried.")

    @admin.action(description="Stop processing of selected videos", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._each(request, queryset, cancel_processing, "Processing stopped.", "stopped")

    @admin.action(
        description="Create missing renditions and storyboards of selected videos",
        permissions=["change"],
    )
    def enrich(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._each(
            request, queryset, retry_enrichment, "Renditions queued.", "queued for processing"
        )

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Video],
        service: Callable[..., object],
        note: str,
        done_word: str,
    ) -> None:
        done = 0
        for video in queryset:
            try:
                with transaction.atomic():
                    service(video=video)
                    self.log_change(request, video, note)
                done += 1
            except ValidationError as error:
                sentence = f"“{video.title}”: {' '.join(error.messages)}"
                self.message_user(request, sentence, messages.ERROR)
        if done:
            self.message_user(request, f"{plural(done, 'video')} {done_word}.")

    @admin.action(description="Move selected videos to category…", permissions=["change"])
    def move(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        chosen = VideoActionForm().fields["category"]
        category = chosen.clean(request.POST.get("category"))
        if category is None:
            self.message_user(
                request, "Choose a category next to the action first.", messages.ERROR
            )
        else:
            self._move(request, queryset, category)

    @admin.action(description="Remove selected videos from their category", permissions=["change"])
    def take_out(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._move(request, queryset, None)

    def _move(
        self, request: HttpRequest, queryset: QuerySet[Video], category: Category | None
    ) -> None:
        done = 0
        note = f"Moved to {category}." if category else "Removed from the category."
        for video in queryset:
            if video.category_id == (category.pk if category else None):
                continue
            with transaction.atomic():
                move_to_category(video=video, category=category)
                self.log_change(request, video, note)
            done += 1
        counted = plural(done, "video")
        if category:
            self.message_user(request, f"{counted} moved to {category}.")
        else:
            whose = "its category" if done == 1 else "their categories"
            self.message_user(request, f"{counted} removed from {whose}.")

    # Deletion
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists only the videos: nobody needs their jobs, which are deleted with them."""
        found = Video.objects.filter(pk__in=[video.pk for video in objs])
        listed = [
            format_html(
                '<a href="{}">{}</a>, {}',
                reverse("admin:videos_video_change", args=[video.pk]),
                video.title,
                human_bytes(video.file_size_bytes),
            )
            for video in found[:MAX_LISTED]
        ]
        lacking = set() if self.has_delete_permission(request) else {"video"}
        count = found.count()
        return with_rest(listed, count), {"videos": count}, lacking, []

    def delete_many(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        """Marks the videos for deletion. A worker deletes them and logs each one."""
        assert isinstance(request.user, User)
        marked = request_deletions(videos=queryset, requested_by=request.user)
        enqueue_deletions()
        self.message_user(request, f"{plural(marked, 'video')} will be deleted in the background.")

    def delete_model(self, request: HttpRequest, obj: Video) -> None:
        delete_video(video=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        for video in queryset:
            delete_video(video=video)


def _linked_thumbnail(
    video: Video, address: str | None, *, width: int, height: int, css: str
) -> SafeString:
    """Returns the thumbnail as a link to the video on the site."""
    if address is None:
        return format_html('<a href="{}">Watch</a>', video.get_absolute_url())
    return format_html(
        '<a href="{}"><img class="{}" src="{}" width="{}" height="{}" alt="Watch" loading="lazy">'
        "</a>",
        video.get_absolute_url(),
        css,
        address,
        width,
        height,
    )
