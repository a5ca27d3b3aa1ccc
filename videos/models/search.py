"""What a search looks at: one row for each video that everybody sees."""

from __future__ import annotations

from typing import Final

from django.db import models

# Of the folding and of what is indexed. A row with a lower one is made anew at the next start.
VERSION: Final = 1


class SearchDocument(models.Model):
    """The folded words of a video, kept right by videos.services.search_index.

    Its id is the video's `created_at` in microseconds (one more where that is taken), so that the
    engines give the newest first without sorting. Triggers (SQLite) and a generated column
    (PostgreSQL) carry `words` to the index; the migration made them, and one that rebuilds this
    table has to make them again. Uploaders and categories are here by their ids, not by their
    names: whoever renames one has nothing to do.
    """

    # Given by us; as an AutoField, since SQLite then takes it for the row's own number.
    id = models.BigAutoField(primary_key=True)
    video = models.OneToOneField("videos.Video", models.CASCADE, related_name="search_document")
    version = models.PositiveSmallIntegerField(default=VERSION)
    uploader_id = models.UUIDField()
    category_id = models.UUIDField(null=True)
    title = models.TextField(help_text="Its words with a space around each, for the ranking.")
    description = models.TextField(help_text="Likewise.")
    words = models.TextField(help_text="All words of all texts, each once, and the two ids.")

    class Meta:
        db_table = "search_documents"

    def __str__(self) -> str:
        return f"what a search sees of {self.video}"
