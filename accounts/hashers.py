"""How passwords are hashed."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# Anybody can have the site hash, by trying to log in: 4 at once take 76 MiB in a process.
AT_ONCE = threading.BoundedSemaphore(4)


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with the least that OWASP's Password Storage Cheat Sheet asks for.

    Django's own takes 100 MiB for each. A hash with other parameters is still understood, and is
    replaced when its member next logs in.
    """

    time_cost = 2
    memory_cost = 19456  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with AT_ONCE:
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        with AT_ONCE:
            return bool(super().verify(password, encoded))
