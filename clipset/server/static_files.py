"""Storage and finder of static files: hashed names, also in JavaScript imports, and no comments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from django.contrib.staticfiles.finders import FileSystemFinder
from django.contrib.staticfiles.storage import HashedFilesMixin
from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The files used from packages whose folders hold many more, by prefix in STATICFILES_DIRS.
USED: Final = {
    "chart": {"chart.umd.min.js", "chart.umd.min.js.map"},
    "hls": {"hls.light.min.mjs", "hls.min.mjs", "hls.worker.js", "hls.worker.js.map"},
    "media-chrome": {"all.js", "all.js.map"},
    "tus": {"tus.min.js", "tus.min.js.map"},
}

# Comments that fill whole lines, as Biome formats them. They make up a fifth of our JavaScript,
# compressed. The pattern is safe because no string spans lines, which a test checks.
COMMENT_LINES: Final = re.compile(
    rb"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL
)


def without_comments(source: bytes) -> bytes:
    """Removes the comments that fill whole lines from one of our JavaScript modules."""
    return COMMENT_LINES.sub(b"", source)


# An import in css/components.css after Django has hashed the names.
CSS_IMPORT: Final = re.compile(rb'^@import url\("\./(components/[^"]+)"\);\n', re.MULTILINE)


class StaticFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc] # untyped
    """WhiteNoise's storage that also hashes JavaScript imports and inlines the CSS components."""

    support_js_module_import_aggregation = True
    # Our own modules only: django-htmx's files are not modules, and Django would treat
    # `import("../htmx")` in one of their comments as the name of a file.
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        HashedFilesMixin._js_module_import_aggregation_patterns[1],  # type: ignore[attr-defined]
    )

    def _save(self, name: str, content: Any) -> str:
        source = b"".join(content.chunks())  # chunks() starts at the beginning of the file
        if name.startswith("js/") and name.endswith(".js"):
            content = ContentFile(without_comments(source))
        elif name.startswith("css/components."):
            content = ContentFile(CSS_IMPORT.sub(self._imported, source))
        saved: str = super()._save(name, content)
        return saved

    def _imported(self, found: re.Match[bytes]) -> bytes:
        """The content of an imported component. It exists: Django hashes deeper folders first."""
        with self.open(f"css/{found[1].decode()}") as part:
            text: bytes = part.read()
        return text


class Folders(FileSystemFinder):
    """Finds only the used files of STATICFILES_DIRS: hls.js alone ships 30 MB of variants."""

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Any]]:
        for path, storage in super().list(ignore_patterns):
            used = USED.get(getattr(storage, "prefix", None) or "")
            if used is None or path in used:
                yield path, storage
