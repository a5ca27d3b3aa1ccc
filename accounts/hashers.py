"""Password hasher: Argon2id with bounded memory."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

# Any visitor can make the site hash a password, by trying to log in. Four hashes at once take
# 76 MiB in a process.
AT_ONCE = threading.BoundedSemaphore(4)


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with the minimum parameters of OWASP's Password Storage Cheat Sheet.

    Django's default takes 100 MiB for each hash. A hash with other parameters is still verified,
    and is replaced when its member next logs in.
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
