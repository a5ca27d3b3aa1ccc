"""Videos in the admin: list, form, actions and deletion."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Subquery
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin.shared import me_of
from accounts.models import User
from categories.models import Category
from clipset.lib.units import human_bytes, plural
from clipset.ui.admin import GuardedAdmin, TrashFilter, state_word
from clipset.ui.admin_actions import Reason
from clipset.ui.admin_columns import cut
from clipset.ui.admin_deletion import MAX_LISTED, with_rest
from siteconfig.models import Config
from siteconfig.services.config import current_config
from videos.admin.deletion_counts import counts_of_videos
from videos.admin.trash import TrashedVideos
from videos.admin.video_columns import VideoColumns
from videos.admin.video_forms import (
    REASON_FIRST,
    CategoryField,
    UploadedFilter,
    VideoActionForm,
    VideoForm,
    reason_of,
)
from videos.models import Job, JobState, ProcessingStatus, Video, VideoDeletion
from videos.services.deletions import enqueue_deletions, request_deletions
from videos.services.details import edit_video, move_to_category
from videos.services.hiding import hide_video, unhide_video
from videos.services.processing.attempt import cancel_processing, retry_enrichment, retry_processing

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

TONES: Final = {
    ProcessingStatus.PENDING: "quiet",
    ProcessingStatus.PROCESSING: "warn",
    ProcessingStatus.COMPLETED: "good",
    ProcessingStatus.FAILED: "danger",
}

SHORT_REASON: Final = 90  # characters

# Why an action leaves a video as it is.
ALREADY_HIDDEN: Final = Reason("is already hidden", "are already hidden")
NOT_HIDDEN: Final = Reason("is not hidden", "are not hidden")
NOT_FAILED: Final = Reason("is not failed", "are not failed")
NO_SOURCE: Final = Reason("has no source", "have no source")
NOT_PROCESSING: Final = Reason("is not being processed", "are not being processed")
NOT_READY: Final = Reason("is not ready", "are not ready")
ALREADY_THERE: Final = Reason("is already there", "are already there")
UNCATEGORIZED: Final = Reason("is in none", "are in none")


@admin.register(Video)
class VideoAdmin(VideoColumns, TrashedVideos, GuardedAdmin[Video]):
    """Videos can be changed and deleted here. They are created by uploads only."""

    form = VideoForm
    list_display = [
        "thumbnail",
        "short_title",
        "state_and_reason",
        "uploaded_by",
        "category",
        "length",
        "stored",
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
        (None, {"fields": ["preview", "title", "description", "category"]}),
        ("Visibility", {"fields": ["is_hidden", "hidden_reason", "hidden_text"]}),
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

    def get_form(
        self, request: HttpRequest, obj: Video | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.acting = me_of(request)  # type: ignore[attr-defined] # a class made for this request
        return form

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

    @admin.display(description="State", ordering="processing_status")
    def state_and_reason(self, video: Video) -> SafeString:
        """The state, and below it why a video failed."""
        state = self.state(video)
        if not (video.is_failed and video.error_message):
            return state
        reason = cut(video.error_message, SHORT_REASON)
        return format_html('{}<span class="reason">{}</span>', state, reason)

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
        if {"is_hidden", "hidden_reason", "hidden_text"} & set(form.changed_data):
            me, reason, text = me_of(request), obj.hidden_reason, obj.hidden_text
            if obj.is_hidden:
                hide_video(video=obj, by=me, reason=reason, text=text)
            else:
                unhide_video(video=obj, by=me)

    @admin.action(description="Hide selected videos", permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        reason, text = reason_of(request.POST.get("reason", ""))
        me = me_of(request)

        def act(video: Video) -> Reason | None:
            if video.is_hidden:
                return ALREADY_HIDDEN
            hide_video(video=video, by=me, reason=reason, text=text)
            return None

        if not reason and queryset.exclude(uploaded_by=me).exists():
            self.message_user(request, REASON_FIRST, messages.ERROR)
        else:
            self.act_on_each(request, queryset, act, done="{count} hidden.", not_done="hidden")

    @admin.action(description="Unhide selected videos", permissions=["change"])
    def unhide(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        me = me_of(request)

        def act(video: Video) -> Reason | None:
            if not video.is_hidden:
                return NOT_HIDDEN
            unhide_video(video=video, by=me)
            return None

        self.act_on_each(request, queryset, act, done="{count} unhidden.", not_done="unhidden")

    @admin.action(description="Retry processing of selected videos", permissions=["change"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        def act(video: Video) -> Reason | None:
            if not video.is_failed:
                return NOT_FAILED
            if not video.source_key:
                return NO_SOURCE
            retry_processing(video=video, by_staff=True)
            return None

        self.act_on_each(
            request, queryset, act, done="{count} will be processed again.", not_done="retried"
        )

    @admin.action(description="Stop processing of selected videos", permissions=["change"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        def act(video: Video) -> Reason | None:
            if not video.is_unfinished:
                return NOT_PROCESSING
            cancel_processing(video=video)
            return None

        self.act_on_each(request, queryset, act, done="{count} stopped.", not_done="stopped")

    @admin.action(
        description="Create missing renditions and storyboards of selected videos",
        permissions=["change"],
    )
    def enrich(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        def act(video: Video) -> Reason | None:
            if not video.is_ready:
                return NOT_READY
            retry_enrichment(video=video)
            return None

        self.act_on_each(
            request, queryset, act, done="{count} queued for processing.", not_done="queued"
        )

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
        def act(video: Video) -> Reason | None:
            if video.category_id == (category.pk if category else None):
                return ALREADY_THERE if category else UNCATEGORIZED
            move_to_category(video=video, category=category)
            return None

        done = f"moved to {category}" if category else "removed from the category"
        self.act_on_each(
            request,
            queryset,
            act,
            done=f"{{count}} {done.replace('{', '{{').replace('}', '}}')}.",
            not_done="moved" if category else "removed from a category",
        )

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
        counts = self.deletion_counts(found)
        return with_rest(listed, int(counts["videos"])), counts, lacking, []

    def deletion_counts(self, queryset: QuerySet[Video]) -> dict[str, int | str]:
        return counts_of_videos(queryset)

    def delete_many(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        """Marks the videos. A worker puts them into the trash, or deletes them if there is none."""
        assert isinstance(request.user, User)
        marked = request_deletions(videos=queryset, requested_by=request.user)
        enqueue_deletions()
        what = "moved to the trash" if current_config().trash_days else "deleted"
        sentence = f"{plural(marked, 'video')} will be {what} in the background."
        self.message_user(request, sentence, messages.SUCCESS)
