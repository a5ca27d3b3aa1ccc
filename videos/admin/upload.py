"""Open uploads in the admin. Staff can only cancel them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from clipset.lib.units import human_bytes
from clipset.ui.admin import GuardedAdmin
from clipset.ui.admin_columns import cut
from clipset.ui.admin_deletion import MAX_LISTED, with_rest
from videos.models import Upload, UploadState
from videos.services.uploads.expire import end_upload

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Upload)
class UploadAdmin(GuardedAdmin[Upload]):
    """Cancels uploads with Django's deletion pages and their confirmation.

    The row is kept, so that the member's browser is told.
    """

    list_display = ["name", "user", "size", "come", "created_at", "touched_at", "expires_at"]
    list_filter = ["created_at"]
    list_select_related = ["user"]
    search_fields = ["filename", "title", "user__username"]
    ordering = ["-created_at"]
    fields = [
        "name",
        "title",
        "user",
        "size",
        "come",
        "is_sent_now",
        "created_at",
        "touched_at",
        "expires_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Upload]:
        return super().get_queryset(request).filter(state=UploadState.OPEN)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Upload | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = (function, name, "Cancel selected uploads")
        return actions

    @admin.display(description="File", ordering="filename")
    def name(self, upload: Upload) -> SafeString | str:
        return cut(upload.filename) or "Plain form upload (no JavaScript)"

    @admin.display(description="Size", ordering="size_bytes")
    def size(self, upload: Upload) -> str:
        return human_bytes(upload.size_bytes)

    @admin.display(description="Uploaded", ordering="offset_bytes")
    def come(self, upload: Upload) -> str:
        percent = 100 * upload.offset_bytes // max(1, upload.size_bytes)
        return f"{percent}%, {human_bytes(upload.offset_bytes)}"

    @admin.display(description="Being uploaded now", boolean=True)
    def is_sent_now(self, upload: Upload) -> bool:
        return bool(upload.writer_token) or not upload.is_resumable

    # Cancelling
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        uploads = list(objs)
        listed = [
            format_html(
                '<a href="{}">{}</a>, {} of {}, {}',
                reverse("admin:videos_upload_change", args=[upload.pk]),
                self.name(upload),
                human_bytes(upload.offset_bytes),
                human_bytes(upload.size_bytes),
                upload.user,
            )
            for upload in uploads[:MAX_LISTED]
        ]
        lacking = set() if self.has_delete_permission(request) else {"upload"}
        count = len(uploads)
        return with_rest(listed, count), {"uploads to cancel": count}, lacking, []

    def delete_model(self, request: HttpRequest, obj: Upload) -> None:
        end_upload(upload=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Upload]) -> None:
        for upload in queryset:
            end_upload(upload=upload)
