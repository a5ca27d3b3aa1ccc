"""Comments on videos."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length, Trim
from django.db.models.lookups import GreaterThanOrEqual
from django.utils import timezone

from videos.models.constraints import at_most
from videos.models.hiding import HideableModel, hiding_constraints
from videos.models.soft_delete import SoftDeleteModel
from videos.querysets import CommentQuerySet

if TYPE_CHECKING:
    from accounts.models import User

MAX_TEXT: Final = 2000  # characters
TEXT_BLANK: Final = "Enter a comment."
TEXT_TOO_LONG: Final = f"A comment has at most {MAX_TEXT:,} characters."
EDIT_WITHIN: Final = timedelta(hours=24)


class Comment(SoftDeleteModel, HideableModel):
    """A comment, or a reply to one. A reply's `parent` is never a reply itself.

    A deleted comment can be restored for a while. After that its row stays, without its text, as
    long as it has replies.

    A comment that staff hid stays in its place, where its author and staff can read it.
    """

    # No index for each foreign key: the indexes below begin with them.
    video = models.ForeignKey(
        "videos.Video", models.CASCADE, related_name="comments", db_index=False
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="comments")
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="replies", db_index=False
    )
    text = models.TextField(max_length=MAX_TEXT, blank=True)
    moment = models.PositiveIntegerField(
        null=True, blank=True, help_text="The first time in the text, in seconds."
    )
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    # Until then moderators can restore a deleted comment.
    keep_deleted_days = 7

    objects = CommentQuerySet.as_manager()

    class Meta:
        db_table = "comments"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["video", "parent", "-id"], name="comments_of_a_video"),
            models.Index(fields=["parent", "id"], name="comments_replies"),
            models.Index(
                fields=["video", "-id"],
                condition=Q(moment__isnull=False, deleted_at__isnull=True),
                name="comments_markers",
            ),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False),
                name="comments_deleted",
            ),
            # For the statistics, which count the comments of a day.
            models.Index(fields=["created_at"], name="comments_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=GreaterThanOrEqual(Length(Trim("text")), 1) | Q(deleted_at__isnull=False),
                name="comments_text_not_blank",
                violation_error_message=TEXT_BLANK,
            ),
            at_most("text", MAX_TEXT, name="comments_text_length", sentence=TEXT_TOO_LONG),
            *hiding_constraints("comments", is_hidden=Q(hidden_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.text[:60] or "A deleted comment"

    def get_absolute_url(self) -> str:
        """The video's page with this comment first."""
        return f"{self.video.get_absolute_url()}?comment={self.pk}#comment-{self.pk}"

    @property
    def is_shown(self) -> bool:
        """Whether it is not deleted, and its author is not in the trash."""
        return not self.is_deleted and not self.author.is_trashed

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    def can_be_read_by(self, user: User) -> bool:
        """Whether the text is shown to this member, as long as it is not deleted."""
        return not self.is_hidden or user.is_staff or user.pk == self.author_id

    def can_be_hidden_by(self, user: User) -> bool:
        """Staff may hide and unhide comments of others. Their own they delete."""
        return not self.is_deleted and user.is_staff and user.pk != self.author_id

    def can_be_edited_by(self, user: User) -> bool:
        """Its author may edit it for EDIT_WITHIN, unless it is hidden."""
        return (
            not self.is_deleted
            and not self.is_hidden
            and self.author_id == user.pk
            and timezone.now() - self.created_at < EDIT_WITHIN
        )

    def can_be_deleted_by(self, user: User) -> bool:
        """Its author, the video's uploader and staff may delete it."""
        return not self.is_deleted and (
            user.is_staff or user.pk in {self.author_id, self.video.uploaded_by_id}
        )

    def can_be_restored_by(self, user: User) -> bool:
        """The member who deleted it may restore it for a while."""
        return self.is_undoable and self.deleted_by_id == user.pk
