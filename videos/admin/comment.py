"""Comments in the admin. Staff can delete and restore them, but not edit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.html import format_html
from django.utils.text import Truncator

from clipset.lib.units import plural
from clipset.ui.admin import GuardedAdmin, state_word
from clipset.ui.template_tags import relative_time
from videos.models import Comment
from videos.querysets import present_q
from videos.services.comments import delete_comment, restore_comment

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

SHORT_TEXT = 80  # characters


class DeletedFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Visible"), ("yes", "Deleted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Comment]) -> QuerySet[Comment]:
        if self.value() in {"no", "yes"}:
            return queryset.filter(present_q() if self.value() == "no" else ~present_q())
        return queryset


@admin.register(Comment)
class CommentAdmin(GuardedAdmin[Comment]):
    list_display = ["short_text", "author", "video", "state", "written"]
    list_filter = [DeletedFilter, "created_at"]
    list_select_related = ["author", "video", "deleted_by"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["text", "author__username", "video__title", "=video__short_id"]
    actions = ["hide", "bring_back"]
    fields = ["text", "author", "video", "parent", "created_at", "edited_at", "state"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Comment | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # the action "hide" replaces it
        return actions

    # Deletion of one comment, which is the same as that of several: it can be restored.
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the comments only, since their replies stay."""
        lacking = set() if self.has_delete_permission(request) else {"comment"}
        return [str(comment) for comment in objs], {"comments": len(objs)}, lacking, []

    def delete_model(self, request: HttpRequest, obj: Comment) -> None:
        assert request.user.is_authenticated
        delete_comment(comment=obj, by=request.user)

    @admin.display(description="Comment")
    def short_text(self, comment: Comment) -> str:
        return Truncator(comment.text).chars(SHORT_TEXT) or "(text deleted)"

    @admin.display(description="Posted", ordering="created_at")
    def written(self, comment: Comment) -> SafeString:
        return relative_time(comment.created_at)

    @admin.display(description="State")
    def state(self, comment: Comment) -> SafeString:
        if not comment.is_deleted:
            return state_word("there", "Visible", "good")
        who = comment.deleted_by or "a former member"
        return format_html("{} by {}", state_word("deleted", "Deleted", "danger"), who)

    @admin.action(
        description="Delete selected comments (can be restored for 7 days)",
        permissions=["delete"],
    )
    def hide(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        assert request.user.is_authenticated
        done = 0
        with transaction.atomic():
            for comment in queryset.filter(present_q()):
                delete_comment(comment=comment, by=request.user)
                done += 1
        self.message_user(request, f"{plural(done, 'comment')} deleted.")

    @admin.action(description="Restore selected comments", permissions=["delete"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        done = 0
        for comment in queryset.filter(~present_q()):
            try:
                restore_comment(comment=comment)
            except ValidationError as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
                continue
            done += 1
        self.message_user(request, f"{plural(done, 'comment')} restored.")
