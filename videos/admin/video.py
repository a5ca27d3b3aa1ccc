"""Videos in the admin: list, form, actions and deletion."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import User
from categories.models import Category
from clipset.lib.units import human_bytes, plural
from clipset.ui.admin import MAX_LISTED, GuardedAdmin, TrashFilter, state_word, with_rest
from siteconfig.models import Config
from videos.admin.trash import TrashedVideos
from videos.admin.video_columns import VideoColumns
from videos.admin.video_forms import CategoryField, UploadedFilter, VideoActionForm, VideoForm
from videos.models import Job, JobState, ProcessingStatus, Video, VideoDeletion
from videos.selectors.trash import removed_with
from videos.services.deletions import enqueue_deletions, request_deletions
from videos.services.details import edit_video, move_to_category, set_hidden
from videos.services.processing.attempt import cancel_processing, retry_enrichment, retry_processing

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

TONES: Final = {
    ProcessingStatus.PENDING: "quiet",
    ProcessingStatus.PROCESSING: "warn",
    ProcessingStatus.COMPLETED: "good",
    ProcessingStatus.FAILED: "danger",
}


@admin.register(Video)
class VideoAdmin(VideoColumns, TrashedVideos, GuardedAdmin[Video]):
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
    list_filter = [
        "processing_status",
        "is_hidden",
        TrashFilter,
        "category",
        ("created_at", UploadedFilter),
    ]
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
    actions = [
        "hide",
        "unhide",
        "retry",
        "cancel",
        "enrich",
        "move",
        "take_out",
        "restore",
        "empty",
    ]
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
        days = Config.objects.filter(pk=Config.SINGLETON_ID).values("trash_days")
        return (
            super()
            .get_queryset(request)
            .annotate(percent=percent, is_marked=marked, trash_days=Subquery(days[:1]))
        )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "category":
            kwargs["form_class"] = CategoryField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="State", ordering="processing_status")
    def state(self, video: Video) -> SafeString:
        if video.is_marked:  # type: ignore[attr-defined] # annotated above
            return state_word("deleting", "Being deleted", "danger")
        if video.trashed_at is not None:
            until = video.trashed_at + timedelta(days=video.trash_days or 0)  # type: ignore[attr-defined]
            return state_word("trashed", f"In the trash until {until:%-d %B}", "warn")
        status = ProcessingStatus(video.processing_status)
        percent = video.percent  # type: ignore[attr-defined] # annotated above
        word = status.label if percent is None else f"{status.label}, {percent}%"
        state = state_word(status.lower(), word, TONES[status])
        if video.is_hidden:
            return format_html("{} {}", state, state_word("hidden", "Hidden", "warn"))
        return state

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
            set_hidden(video=video, hidden=hidden)
            done += 1
        what = "hidden" if hidden else "unhidden"
        self.message_user(request, f"{plural(done, 'video')} {what}.")

    @admin.action(description="Retry processing of selected videos", permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        done = 0
        for video in queryset.select_related("uploaded_by"):
            try:
                self._retry(video)
                done += 1
            except ValidationError as error:
                sentence = f"“{video.title}”: {' '.join(error.messages)}"
                self.message_user(request, sentence, messages.ERROR)
        if done:
            self.message_user(request, f"{plural(done, 'video')} will be processed again.")

    def _retry(self, video: Video) -> None:
        if not video.is_failed:
            raise ValidationError("Only failed videos can be retried.")
        retry_processing(video=video, by_staff=True)

    @admin.action(description="Stop processing of selected videos", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._each(request, queryset, cancel_processing, "stopped")

    @admin.action(
        description="Create missing renditions and storyboards of selected videos",
        permissions=["change"],
    )
    def enrich(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        self._each(request, queryset, retry_enrichment, "queued for processing")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Video],
        service: Callable[..., object],
        done_word: str,
    ) -> None:
        done = 0
        for video in queryset:
            try:
                service(video=video)
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
        for video in queryset:
            if video.category_id == (category.pk if category else None):
                continue
            move_to_category(video=video, category=category)
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
        removed = removed_with(found)
        counts = {
            "videos": count,
            "comments": removed.comments,
            "likes": removed.likes,
            "places in playlists": removed.playlist_places,
        }
        size = f"{human_bytes(removed.size_bytes)} of files"
        return with_rest([*listed, size], count + 1), counts, lacking, []

    def delete_many(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        """Marks the videos. A worker puts them into the trash, or deletes them if there is none."""
        assert isinstance(request.user, User)
        marked = request_deletions(videos=queryset, requested_by=request.user)
        enqueue_deletions()
        self.message_user(request, f"{plural(marked, 'video')} will be deleted in the background.")
