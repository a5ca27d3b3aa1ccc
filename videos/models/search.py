"""Search documents: one row for each published video."""

from __future__ import annotations

from typing import Final

from django.db import models

# Of folding and indexed fields. A document with a lower version is rebuilt at the next start.
VERSION: Final = 1


class SearchDocument(models.Model):
    """The folded words of a video, kept up to date by videos.services.search_index.

    Its id is the video's `created_at` in microseconds (counted up if another video has it), so that
    the engines return the newest first without sorting. A generated column (PostgreSQL), or
    triggers and videos.services.search_changes (SQLite), copy `words` to the index; migrations
    created them, and a migration that rebuilds this table has to create them again. Uploaders and
    categories are stored by id, so that renaming one changes no document.
    """

    # Set by the service. An AutoField, so that SQLite uses it as the row's rowid.
    id = models.BigAutoField(primary_key=True)
    video = models.OneToOneField("videos.Video", models.CASCADE, related_name="search_document")
    version = models.PositiveSmallIntegerField(default=VERSION)
    uploader_id = models.UUIDField()
    category_id = models.UUIDField(null=True)
    title = models.TextField(
        help_text="Words of the title with a space around each, for the ranking."
    )
    description = models.TextField(help_text="Words of the description, in the same form.")
    words = models.TextField(
        help_text="All words of all texts, each once, with the ids of uploader and category."
    )

    spoken = models.TextField(  # noqa: DJ001 null: stored by a version that did not keep it
        null=True, help_text="Words of the captions, so that an edit need not read the tracks."
    )

    class Meta:
        db_table = "search_documents"

    def __str__(self) -> str:
        return f"what a search sees of {self.video}"


class SearchChange(models.Model):
    """A document whose words are not all in SQLite's index yet. PostgreSQL has no such rows.

    Triggers write it in the document's transaction; videos.services.search_changes applies it to
    the index in small pieces and deletes the row.
    """

    document = models.BigIntegerField(
        primary_key=True, help_text="The id of a SearchDocument, which may be deleted."
    )
    has = models.TextField(  # noqa: DJ001 null: no row
        null=True, help_text="Words that the index has of it; null if it has none."
    )
    wants = models.TextField(  # noqa: DJ001 null: no row
        null=True, help_text="Words that the index is to have; null if the document is deleted."
    )

    class Meta:
        db_table = "search_changes"

    def __str__(self) -> str:
        return f"change of {self.document}"
