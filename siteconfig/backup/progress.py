"""The progress of a backup or a restore, as one line on a terminal."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from clipset.lib.units import human_bytes

if TYPE_CHECKING:
    from django.core.management.base import OutputWrapper

WIDTH: Final = 79


class ProgressLine:
    """A line on a terminal that is overwritten. Writes nothing if the output is not a terminal."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._is_shown = False

    def show(self, text: str) -> None:
        """Writes a text, cut to the terminal's width, since a wrapped line can't be overwritten."""
        if not self._out.isatty():
            return
        width = min(WIDTH, shutil.get_terminal_size().columns - 1)
        self._out.write(f"  {text}"[:width].ljust(width), ending="\r")
        self._is_shown = True

    def clear(self) -> None:
        """Erases the line, so that something else can be printed."""
        if self._is_shown:
            self.show("")
            self._is_shown = False


def progress_text(done: int, total: int, seconds_left: int | None = None) -> str:
    """Returns the bytes done and in total, the percentage, and the time left if it is known."""
    percent = f"{100 * done // total}%" if total else "0%"
    text = f"{human_bytes(done)} of {human_bytes(total)} ({percent})"
    if seconds_left:
        minutes, seconds = divmod(seconds_left, 60)
        text += f", {minutes} min {seconds} s left" if minutes else f", {seconds} s left"
    return text
