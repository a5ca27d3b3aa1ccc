"""The words of the audit log for categories."""

from __future__ import annotations

from siteconfig.audit_words import Kind, register_kind


def register_words() -> None:
    register_kind(
        "category",
        Kind(
            plural="Categories",
            model="categories.Category",
            acts={
                "create": ("Create", "Created the category “%(name)s”"),
                "edit": ("Edit", "Edited the category “%(name)s”"),
                "cover": ("Change cover", "Changed the cover of the category “%(name)s”"),
                "delete": ("Delete", "Deleted the category “%(name)s”"),
                "trash": ("Move to trash", "Moved the category “%(name)s” to the trash"),
                "restore": ("Restore", "Restored the category “%(name)s”"),
            },
        ),
    )
