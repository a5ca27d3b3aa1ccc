"""What apps below `videos` say about stored files, so that they need not import it."""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

# Sent with `root` and `key` (siteconfig.roots) inside the transaction after which no row names the
# file any more. The receiver asks for its removal in that transaction.
file_unneeded: Final = Signal()
