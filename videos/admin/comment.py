"""Comments in the admin. Staff can hide, delete and restore them, but not edit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.contrib import admin, messages
from django.utils.html import format_html

from accounts.admin.shared import me_of
from clipset.ui.admin import GuardedAdmin, state_word
from clipset.ui.admin_actions import Reason
from clipset.ui.admin_columns import age, cut
from videos.admin.video_forms import REASON_FIRST, HidingActionForm, reason_of
from videos.models import Comment
from videos.querysets import present_q
from videos.services.comments import delete_comment, restore_comment
from videos.services.hiding import hide_comment, unhide_comment

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from accounts.models import User

SHORT_TEXT = 80  # characters

# Why an action leaves a comment as it is.
YOUR_OWN: Final = Reason("is your own", "are your own")
IS_DELETED: Final = Reason("is deleted", "are deleted")
ALREADY_HIDDEN: Final = Reason("is already hidden", "are already hidden")
NOT_HIDDEN: Final = Reason("is not hidden", "are not hidden")
ALREADY_DELETED: Final = Reason("is already deleted", "are already deleted")
NOT_DELETED: Final = Reason("is not deleted", "are not deleted")


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
    list_display = ["short_text", "author", "about", "state", "written"]
    list_filter = [DeletedFilter, "created_at"]
    list_select_related = ["author", "video", "deleted_by"]
    search_fields = ["text", "author__username", "video__title", "=video__short_id"]
    action_form = HidingActionForm
    actions = ["hide", "unhide", "remove", "bring_back"]
    fields = ["text", "author", "video", "parent", "created_at", "edited_at", "state"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Comment | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # the action "remove" replaces it
        return actions

    # Deletion of one comment, which is the same as that of several: it can be restored.
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Lists the comments only, since their replies stay."""
        lacking = set() if self.has_delete_permission(request) else {"comment"}
        return [str(comment) for comment in objs], {"comments": len(objs)}, lacking, []

    def delete_model(self, request: HttpRequest, obj: Comment) -> None:
        delete_comment(comment=obj, by=me_of(request))

    @admin.display(description="Comment")
    def short_text(self, comment: Comment) -> SafeString | str:
        return cut(comment.text, SHORT_TEXT) or "(text deleted)"

    @admin.display(description="Posted", ordering="created_at")
    def written(self, comment: Comment) -> SafeString | str:
        return age(comment.created_at)

    @admin.display(description="Video", ordering="video")
    def about(self, comment: Comment) -> SafeString | str:
        return cut(comment.video.title)

    @admin.display(description="State")
    def state(self, comment: Comment) -> SafeString:
        if not comment.is_deleted and comment.is_hidden:
            word = state_word("hidden", "Hidden", "warn")
            return format_html("{} {}", word, comment.hidden_sentence)
        if not comment.is_deleted:
            return state_word("there", "Visible", "good")
        who = comment.deleted_by or "a former member"
        return format_html("{} by {}", state_word("deleted", "Deleted", "danger"), who)

    # Who may delete comments may hide them.
    @admin.action(description="Hide selected comments", permissions=["delete"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        reason, text = reason_of(request.POST.get("reason", ""))
        me = me_of(request)

        def act(comment: Comment) -> Reason | None:
            if left := _left(comment, me):
                return left
            if comment.is_hidden:
                return ALREADY_HIDDEN
            hide_comment(comment=comment, by=me, reason=reason, text=text)
            return None

        if not reason:
            self.message_user(request, REASON_FIRST, messages.ERROR)
        else:
            self.act_on_each(request, queryset, act, done="{count} hidden.", not_done="hidden")

    @admin.action(description="Unhide selected comments", permissions=["delete"])
    def unhide(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        me = me_of(request)

        def act(comment: Comment) -> Reason | None:
            if left := _left(comment, me):
                return left
            if not comment.is_hidden:
                return NOT_HIDDEN
            unhide_comment(comment=comment, by=me)
            return None

        self.act_on_each(request, queryset, act, done="{count} unhidden.", not_done="unhidden")

    @admin.action(
        description="Delete selected comments (can be restored for 7 days)",
        permissions=["delete"],
    )
    def remove(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        def act(comment: Comment) -> Reason | None:
            if comment.is_deleted:
                return ALREADY_DELETED
            delete_comment(comment=comment, by=me_of(request))
            return None

        self.act_on_each(request, queryset, act, done="{count} deleted.", not_done="deleted")

    @admin.action(description="Restore selected comments", permissions=["delete"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Comment]) -> None:
        def act(comment: Comment) -> Reason | None:
            if not comment.is_deleted:
                return NOT_DELETED
            restore_comment(comment=comment)
            return None

        self.act_on_each(request, queryset, act, done="{count} restored.", not_done="restored")


def _left(comment: Comment, me: User) -> Reason | None:
    """Returns why this member of staff may not hide or unhide the comment, None if they may."""
    if comment.is_deleted:
        return IS_DELETED
    return None if comment.can_be_hidden_by(me) else YOUR_OWN
