"""The index of the search: FTS5 on SQLite, a tsvector on PostgreSQL.

It is filled by `manage.py rebuild_search --missing`, which scripts/run does at every start.
"""

import django.db.models.deletion
from django.db import migrations, models

# Each prefix of up to ten letters has a list of its own, so that the newest of a million rows with
# a common word are found without reading them all. The index holds only which word is in which row.
SQLITE = (
    """
    CREATE VIRTUAL TABLE video_search USING fts5(
        words, content='search_documents', content_rowid='id', tokenize='ascii', detail=none,
        columnsize=0, prefix='1 2 3 4 5 6 7 8 9 10'
    )
    """,
    """
    CREATE TRIGGER search_documents_added AFTER INSERT ON search_documents BEGIN
        INSERT INTO video_search (rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER search_documents_removed AFTER DELETE ON search_documents BEGIN
        INSERT INTO video_search (video_search, rowid, words)
        VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER search_documents_changed AFTER UPDATE ON search_documents BEGIN
        INSERT INTO video_search (video_search, rowid, words)
        VALUES ('delete', old.id, old.words);
        INSERT INTO video_search (rowid, words) VALUES (new.id, new.words);
    END
    """,
)
POSTGRESQL = (
    """
    ALTER TABLE search_documents ADD COLUMN vector tsvector
    GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED
    """,
    "CREATE INDEX search_documents_vector ON search_documents USING gin (vector)",
)


def make_index(apps, schema_editor):
    statements = SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL
    for statement in statements:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    """On PostgreSQL, and the triggers, it goes with the table."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE video_search")


class Migration(migrations.Migration):
    dependencies = [("videos", "0009_guest_links")]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("uploader_id", models.UUIDField()),
                ("category_id", models.UUIDField(null=True)),
                (
                    "title",
                    models.TextField(
                        help_text="Its words with a space around each, for the ranking."
                    ),
                ),
                ("description", models.TextField(help_text="Likewise.")),
                (
                    "words",
                    models.TextField(
                        help_text="All words of all texts, each once, and the two ids."
                    ),
                ),
                (
                    "video",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_document",
                        to="videos.video",
                    ),
                ),
            ],
            options={"db_table": "search_documents"},
        ),
        migrations.RunPython(make_index, drop_index),
    ]
