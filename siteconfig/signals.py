"""Signals by which apps reach `videos` without importing it."""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

# Sent with `root` and `key` (siteconfig.roots) in the transaction that removes the last reference
# to a stored file. The receiver requests the removal of the file in the same transaction.
file_unneeded: Final = Signal()
