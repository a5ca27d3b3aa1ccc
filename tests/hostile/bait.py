"""The files and the server that hostile files refer to, and the list of kinds of hostile files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECRET = "CANARY-7f3c1e-do-not-show"
"""Stands in a file beside the site's own and must never come out again."""
MAGENTA = (255, 0, 255)
"""What the secret video shows from its first to its last frame; no other video here does."""


@dataclass(frozen=True)
class Bait:
    """The addresses that hostile files refer to.

    Attributes:
        secret: a text file that holds SECRET and nothing else of interest.
        video: a video in MAGENTA that carries SECRET as its title.
        server: address of an HTTP server that must never be asked, without a slash at its end.
    """

    secret: Path
    video: Path
    server: str

    def fill(self, template: str) -> bytes:
        filled = template.replace("{secret}", str(self.secret)).replace("{video}", str(self.video))
        return filled.replace("{server}", self.server).encode()


Build = Callable[[Bait], bytes]


@dataclass(frozen=True)
class Kind:
    """One kind of hostile file.

    Attributes:
        name: what the file is; its suffix is what it pretends to be.
        build: returns its bytes, the same ones each time.
        refused: whether it has no video and must be refused. Other files may be refused or become
            a video.
    """

    name: str
    build: Build
    refused: bool

    def write(self, folder: Path, bait: Bait) -> Path:
        path = folder / self.name
        path.write_bytes(self.build(bait))
        return path


class Kinds(dict[str, Kind]):
    """Kinds of hostile files by name; each module fills one."""

    def add(self, name: str, *, refused: bool = False) -> Callable[[Build], Build]:
        """Decorates a function that builds a file."""

        def keep(build: Build) -> Build:
            assert name not in self
            self[name] = Kind(name, build, refused)
            return build

        return keep

    def add_text(self, name: str, template: str) -> None:
        """Adds a text file; ``{secret}``, ``{video}`` and ``{server}`` are filled in."""
        self.add(name, refused=True)(lambda bait: bait.fill(template))

    def add_bytes(self, name: str, content: Callable[[], bytes], *, refused: bool = False) -> None:
        """Adds a file that refers to nothing else."""
        self.add(name, refused=refused)(lambda _: content())
