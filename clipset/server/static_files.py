"""Static files with hashed names, also in what JavaScript modules import, without comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.contrib.staticfiles.finders import FileSystemFinder
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Of packages whose folder holds much more: by their prefix in STATICFILES_DIRS.
USED: Final = {
    "hls": {"hls.light.min.mjs", "hls.worker.js", "hls.worker.js.map"},
    "media-chrome": {"all.js", "all.js.map"},
    "tus": {"tus.min.js", "tus.min.js.map"},
}

# Comments that fill whole lines, as Biome formats them. Types and reasons are for the source: they
# are a fifth of our JavaScript, compressed. No string spans lines; a test sees to that.
COMMENT_LINES: Final = re.compile(
    rb"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL
)


def without_comments(source: bytes) -> bytes:
    """A module of ours without the comments that fill whole lines."""
    return COMMENT_LINES.sub(b"", source)


# As the hashing writes it into css/components.css.
CSS_IMPORT: Final = re.compile(rb'^@import url\("\./(components/[^"]+)"\);\n', re.MULTILINE)


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # untyped
    support_js_module_import_aggregation = True
    # For our own modules only: django-htmx's files are none, and `import("../htmx")` in one of
    # their comments would be looked for as a file.
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        HashedFilesMixin._js_module_import_aggregation_patterns[1],  # type: ignore[attr-defined]
    )

    def _save(self, name: str, content: Any) -> str:
        source = b"".join(content.chunks())  # from its beginning, wherever it was read to
        if name.startswith("js/") and name.endswith(".js"):
            content = ContentFile(without_comments(source))
        elif name.startswith("css/components."):
            content = ContentFile(CSS_IMPORT.sub(self._imported, source))
        saved: str = super()._save(name, content)
        return saved

    def _imported(self, found: re.Match[bytes]) -> bytes:
        """The part itself, which is hashed before: deeper folders come first."""
        with self.open(f"css/{found[1].decode()}") as part:
            text: bytes = part.read()
        return text


class Folders(FileSystemFinder):
    """STATICFILES_DIRS, but only what is used of them: hls.js alone brings 30 MB of variants."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Any]]:
        for path, storage in super().list(ignore_patterns):
            used = USED.get(getattr(storage, "prefix", None) or "")
            if used is None or path in used:
                yield path, storage
