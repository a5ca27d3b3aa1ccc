"""The audit log: who did what to what, when and why."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clipset.lib.words import words_of
from siteconfig.enums import Source

MAX_NAME = 200  # characters
MAX_KEY = 64  # characters


def name_key(name: str) -> bytes:
    """Returns the folded words of a name, by which entries are found: "Été, 2" gives b"ete 2".

    Bytes, since both databases order them alike, whatever their collation: an index leads to all
    names that begin with some text.
    """
    return " ".join(words_of(name))[:MAX_KEY].encode()


class AuditEntry(models.Model):
    """One act. Rows are only ever added: triggers in the database (siteconfig.audit_triggers)
    refuse UPDATE, DELETE and TRUNCATE, whoever asks.

    The actor and the object are ids with the names that they had then. There are no foreign keys,
    so that an entry outlives both and no cascade reaches it.
    """

    at = models.DateTimeField("time", default=timezone.now)
    actor_id = models.UUIDField(null=True, blank=True, help_text="Empty for a command.")
    actor_name = models.CharField("who", max_length=MAX_NAME)
    source = models.CharField("from", max_length=7, choices=Source)
    address = models.CharField(
        max_length=45, blank=True, default="", help_text="The client's network address."
    )
    action = models.CharField(max_length=50, help_text='Kind and verb, such as "video.hide".')
    object_kind = models.CharField("kind", max_length=20)
    object_id = models.CharField(max_length=64, blank=True, default="")
    object_name = models.CharField("what", max_length=MAX_NAME, blank=True, default="")
    name_key = models.BinaryField(default=b"", help_text="The folded words of the name.")
    # Moderators read the entries about members below them.
    member_id = models.UUIDField(
        null=True, blank=True, help_text="The member whom the act concerns, such as the uploader."
    )
    member_rank = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The rank of that member's role at the time."
    )
    reason = models.TextField(blank=True, default="")
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    undoes = models.BigIntegerField(
        null=True, blank=True, help_text="The id of the entry whose act was undone."
    )
    request_id = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        db_table = "audit_entries"
        ordering = ["-pk"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["object_kind", "object_id", "-id"], name="audit_of_an_object"),
            models.Index(fields=["object_kind", "-id"], name="audit_of_a_kind"),
            models.Index(fields=["actor_id", "-id"], name="audit_by_an_actor"),
            models.Index(fields=["member_id", "-id"], name="audit_about_a_member"),
            models.Index(fields=["action", "-id"], name="audit_of_an_action"),
            models.Index(fields=["source", "-id"], name="audit_from_a_source"),
            models.Index(fields=["name_key", "-id"], name="audit_by_name"),
            models.Index(fields=["actor_name", "-id"], name="audit_by_actor_name"),
            models.Index(fields=["at"], name="audit_by_time"),
            models.Index(fields=["request_id"], name="audit_of_a_request"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(source__in=Source.values), name="audit_source_known"
            ),
            # An act is undone once.
            models.UniqueConstraint(
                fields=["undoes"], condition=Q(undoes__isnull=False), name="audit_undone_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.object_name}".strip()
