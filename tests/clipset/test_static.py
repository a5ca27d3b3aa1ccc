"""What collectstatic makes of our JavaScript."""

from __future__ import annotations

import subprocess
from pathlib import Path

from django.core.files.base import ContentFile

from clipset.static import StaticFiles, without_comments
from tests.parts import require

JS = Path(__file__).parents[2] / "static" / "js"
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
    """Also a file that was read before, as the hashing does."""
    storage = StaticFiles(location=tmp_path)
    for name, left in (("js/a.js", b"a();\n"), ("hls/a.js", b"// b\na();\n")):
        content = ContentFile(b"// b\na();\n")
        content.read()
        storage._save(name, content)
        assert (tmp_path / name).read_bytes() == left


def test_no_string_of_a_module_spans_lines() -> None:
    """In one a line that begins like a comment would be taken for one."""
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
