"""Makes a restic repository open fast.

restic derives a key from the password with scrypt, which by design takes half a second in each
command. The key file has the cost parameters of scrypt; `make_quick` stores the repository's key
again with the lowest. Source: restic's design, "Keys, Encryption and MAC"
(https://restic.readthedocs.io/en/stable/design.html#keys-encryption-and-mac).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

WORK: Final = {"N": 2, "r": 1, "p": 1}  # the lowest cost


def make_quick(store: Path, password_file: Path) -> None:
    """Replaces the key file of a repository; does nothing without openssl, which has the cipher."""
    if shutil.which("openssl") is None:
        return
    environment = os.environ | {
        "RESTIC_REPOSITORY": str(store),
        "RESTIC_PASSWORD_FILE": str(password_file),
    }
    master = subprocess.check_output(["restic", "cat", "masterkey"], env=environment)
    salt = os.urandom(64)
    [old] = (store / "keys").iterdir()
    key = json.loads(old.read_text()) | WORK
    key["salt"] = base64.b64encode(salt).decode()
    sealed = _sealed(json.dumps(json.loads(master)).encode(), _derived(password_file, salt))
    key["data"] = base64.b64encode(sealed).decode()
    text = json.dumps(key).encode()
    (store / "keys" / hashlib.sha256(text).hexdigest()).write_bytes(text)
    old.chmod(0o600)
    old.unlink()


def _derived(password_file: Path, salt: bytes) -> bytes:
    password = password_file.read_text().strip().encode()
    return hashlib.scrypt(password, salt=salt, n=WORK["N"], r=WORK["r"], p=WORK["p"], dklen=64)


def _sealed(plain: bytes, key: bytes) -> bytes:
    """Encrypts with AES-256 in counter mode and appends Poly1305-AES of the result."""
    nonce = os.urandom(16)
    cipher = _openssl("aes-256-ctr", "-K", key[:32].hex(), "-iv", nonce.hex(), data=plain)
    once = _openssl("aes-128-ecb", "-K", key[32:48].hex(), "-nopad", data=nonce)
    return nonce + cipher + _poly1305(key[48:64], once, cipher)


def _openssl(*arguments: str, data: bytes) -> bytes:
    command = ["openssl", "enc", *(f"-{arguments[0]}", *arguments[1:])]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def _poly1305(r: bytes, s: bytes, message: bytes) -> bytes:
    """Computes a Poly1305 tag. Source: RFC 8439, section 2.5."""
    factor = int.from_bytes(r, "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for start in range(0, len(message), 16):
        block = int.from_bytes(message[start : start + 16] + b"\1", "little")
        total = (total + block) * factor % (2**130 - 5)
    return ((total + int.from_bytes(s, "little")) % 2**128).to_bytes(16, "little")
