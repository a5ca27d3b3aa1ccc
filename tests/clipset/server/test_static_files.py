"""The JavaScript and CSS that collectstatic writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from clipset.server.static_files import StaticFiles, without_comments
from tests.parts import require

JS = Path(__file__).parents[3] / "static" / "js"
PARSE = """
import { readdirSync, readFileSync } from "node:fs";
import vm from "node:vm";
const [folder] = process.argv.slice(-1);
for (const name of readdirSync(folder)) {
  new vm.SourceTextModule(readFileSync(`${folder}/${name}`, "utf8"), { identifier: name });
}
"""


def test_comments_that_fill_whole_lines_are_left_out() -> None:
    source = b"""/** A module. */
import { a } from "./a.js";

/** Does this.
    @param {string} text */
export function f(text) {
  // because of that
  const url = `https://${text}`; // stays
  return /** @type {any} */ (url);
}
"""
    assert (
        without_comments(source)
        == b"""import { a } from "./a.js";

export function f(text) {
  const url = `https://${text}`; // stays
  return /** @type {any} */ (url);
}
"""
    )


def test_only_our_modules_lose_their_comments(tmp_path: Path) -> None:
    """Also a file that was read before, as it is after hashing."""
    storage = StaticFiles(location=tmp_path)
    for name, left in (("js/a.js", b"a();\n"), ("hls/a.js", b"// b\na();\n")):
        content = ContentFile(b"// b\na();\n")
        content.read()
        storage._save(name, content)
        assert (tmp_path / name).read_bytes() == left


def test_the_parts_of_the_components_come_as_one_file(tmp_path: Path) -> None:
    css = JS.parent / "css"
    parts = [line.split('"')[1] for line in (css / "components.css").read_text().splitlines()[2:]]
    assert sorted(parts) == sorted(f"./components/{it.name}" for it in css.glob("components/*"))
    storage = StaticFiles(location=tmp_path)
    finder = FileSystemStorage(css.parent)
    names = ["css/components.css", *(f"css/{part[2:]}" for part in parts)]
    for name in names:
        with finder.open(name) as file:
            storage.save(name, file)
    assert all(
        done is not None for _, done, _ in storage.post_process({n: (finder, n) for n in names})
    )
    text = (tmp_path / storage.stored_name("css/components.css")).read_text()
    assert "@import" not in text
    places = [text.index((css / part).read_text()) for part in parts]
    assert places == sorted(places)


def test_no_string_of_a_module_spans_lines() -> None:
    """In such a string, a line that begins like a comment would be removed as one."""
    for path in JS.rglob("*.js"):
        for line in path.read_text().splitlines():
            assert line.count("`") % 2 == 0, (path, line)


def test_modules_without_comments_are_still_modules(tmp_path: Path) -> None:
    for path in JS.rglob("*.js"):
        (tmp_path / path.name).write_bytes(without_comments(path.read_bytes()))
    subprocess.run(
        [
            require("node"), "--experimental-vm-modules", "--no-warnings",
            "--input-type=module", "--eval", PARSE, str(tmp_path),
        ],
        check=True,
    )  # fmt: skip
