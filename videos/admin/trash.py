"""The trash in the admin: a filter, restoring, and deleting for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import ValidationError
from django.shortcuts import redirect
from django.utils.translation import ngettext

from accounts.models import User
from clipset.lib.units import plural
from clipset.ui.admin import IN_TRASH, GuardedAdmin, TrashFilter
from clipset.ui.admin_deletion import empty_trash_page
from siteconfig.services.config import current_config
from videos.models import Video
from videos.selectors.trash import trash_total
from videos.services.deletions import enqueue_deletions, request_deletions
from videos.services.trash import delete_for_good, restore_video, trash_video

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    _Base = GuardedAdmin[Video]
else:
    _Base = object


class TrashedVideos(_Base):
    """What VideoAdmin does with the trash. Only admins delete for good before the days are over."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those of the trash in the list of the trash, all others elsewhere."""
        actions: dict[str, Any] = super().get_actions(request)
        names = ("restore", "empty")
        of_trash = {name: actions.pop(name) for name in names if name in actions}
        if not request.user.is_superuser:
            of_trash.pop("empty", None)
        return of_trash if request.GET.get(TrashFilter.parameter_name) == IN_TRASH else actions

    def has_delete_permission(self, request: HttpRequest, obj: Video | None = None) -> bool:
        if obj is not None and obj.is_trashed and not request.user.is_superuser:
            return False
        return super().has_delete_permission(request, obj)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        if request.GET.get(TrashFilter.parameter_name) == IN_TRASH:
            title = f"Videos in the trash, {trash_total().size}"
            extra_context = {"title": title} | (extra_context or {})
        return super().changelist_view(request, extra_context)

    @admin.action(description="Restore selected videos", permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        assert isinstance(request.user, User)
        done = 0
        for video in queryset.filter(trashed_at__isnull=False).select_related("uploaded_by"):
            try:
                restore_video(video=video, by=request.user)
                done += 1
            except Video.DoesNotExist:
                continue  # deleted for good meanwhile
            except ValidationError as error:
                sentence = f"“{video.title}”: {' '.join(error.messages)}"
                self.message_user(request, sentence, messages.ERROR)
        if done:
            self.message_user(request, f"{plural(done, 'video')} restored.")

    @admin.action(description="Delete selected videos for good…", permissions=["delete"])
    def empty(self, request: HttpRequest, queryset: QuerySet[Video]) -> HttpResponse | None:
        """Asks, and marks the videos. A worker deletes them."""
        assert isinstance(request.user, User)
        chosen = Video.objects.in_trash().filter(pk__in=queryset.order_by().values("pk"))
        if request.POST.get("post"):
            marked = request_deletions(videos=chosen, requested_by=request.user, for_good=True)
            enqueue_deletions()
            sentence = ngettext(
                "%(count)d video is being deleted for good.",
                "%(count)d videos are being deleted for good.",
                marked,
            )
            self.message_user(request, sentence % {"count": marked})
            return None
        return empty_trash_page(self, request, chosen)

    def deleted_sentence(self, count: int) -> str:
        done = "moved to the trash" if current_config().trash_days else "deleted"
        return f"{plural(count, 'video')} {done}."

    def delete_model(self, request: HttpRequest, obj: Video) -> None:
        """Into the trash; for good what is in it."""
        assert isinstance(request.user, User)
        if obj.is_trashed:
            delete_for_good(video=obj, by=request.user)
        else:
            trash_video(video=obj, by=request.user)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        """As Django's, but says what happened to a video that is in the trash now."""
        if IS_POPUP_VAR in request.POST or not Video.objects.in_trash().filter(pk=obj_id).exists():
            return super().response_delete(request, obj_display, obj_id)
        self.message_user(request, f"“{obj_display}” moved to the trash.", messages.SUCCESS)
        return redirect("admin:videos_video_changelist")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Video]) -> None:
        assert isinstance(request.user, User)
        for video in queryset.filter(trashed_at=None).select_related("uploaded_by"):
            trash_video(video=video, by=request.user)
