"""How far a backup or a restore is, as one line on a terminal."""

from __future__ import annotations

from clipset.lib.units import human_bytes

WIDTH = 79


def progress_line(done: int, total: int, seconds_left: int | None = None) -> str:
    """Bytes done and in all, percent, and the time left where it is known."""
    percent = f"{100 * done // total}%" if total else "0%"
    line = f"  {human_bytes(done)} of {human_bytes(total)} ({percent})"
    if seconds_left:
        minutes, seconds = divmod(seconds_left, 60)
        line += f", {minutes} min {seconds} s left" if minutes else f", {seconds} s left"
    return line.ljust(WIDTH)
