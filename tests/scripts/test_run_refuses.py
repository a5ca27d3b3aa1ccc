"""Tests that scripts/run says why it doesn't start, before it installs anything."""

from __future__ import annotations

import fcntl
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from tests.examples import one_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.scripts.conftest import Clone

TOOLS = ("bash", "dirname", "df", "awk", "mkdir", "chmod", "flock", "sed", "head", "env", "setsid")


@pytest.fixture(autouse=True)
def nothing_was_installed(shared_clone: Clone) -> object:
    yield
    assert not (shared_clone.root / ".venv").exists()
    assert not (shared_clone.root / ".env").exists()
    assert shared_clone.processes() == {}


def test_a_taken_port(shared_clone: Clone) -> None:
    with socket.socket() as other:
        port = shared_clone.port
        other.bind(("127.0.0.1", port))
        other.listen()
        assert shared_clone.refusal() == (
            f"Port {port} of 127.0.0.1 is already in use. Stop the other program or choose "
            f"another port: PORT={port + 1} scripts/run"
        )


@pytest.mark.parametrize("port", one_in(3, ["0", "65536", "-1", "8000x", "http", "99999999999"]))
def test_a_port_that_is_none(shared_clone: Clone, port: str) -> None:
    assert (
        shared_clone.refusal(PORT=port) == f"PORT is '{port}'; it must be a number from 1 to 65535."
    )


@pytest.mark.parametrize("host", one_in(3, ["203.0.113.7", "no-such-host.invalid", "2001:db8::7"]))
def test_a_host_that_is_not_this_machine(shared_clone: Clone, host: str) -> None:
    assert f"HOST is '{host}', which is not an address of this machine" in shared_clone.refusal(
        HOST=host
    )


def test_a_second_one_in_the_same_folder(shared_clone: Clone) -> None:
    (shared_clone.root / "data/run").mkdir(parents=True, exist_ok=True)
    with (shared_clone.root / "data/run/lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "already running in this folder (process 4711)" in shared_clone.refusal()


def test_a_full_disk(shared_clone: Clone, fake_program: Callable[[str, str], str]) -> None:
    path = fake_program("df", "printf 'Filesystem\\nx 1 1 12 99%% /\\n'")
    words = shared_clone.refusal(PATH=path)
    assert "The disk is too full: 12 MB are free" in words
    assert "1000 MB are needed" in words


@pytest.mark.parametrize(
    ("python", "words"),
    one_in(
        2,
        [
            ('case "$*" in *platform*) echo 3.10.12;; *) exit 1;; esac', "but python3 is 3.10.12"),
            ('case "$*" in *platform*) echo 3.14.0;; *) exit 1;; esac', "but python3 is 3.14.0"),
            (None, "but python3 is none"),
            ("exit 1", "but python3 is broken"),
        ],
    ),
)
def test_a_python_that_does_not_fit(
    shared_clone: Clone, tmp_path: Path, python: str | None, words: str
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    if python:
        (tools / "python3").write_text(f"#!/bin/sh\n{python}\n")
        (tools / "python3").chmod(0o755)
    answer = shared_clone.refusal(PATH=str(tools))
    assert answer.startswith("Clipset needs Python 3.11, 3.12 or 3.13, but python3 is ")
    assert words in answer


@pytest.mark.long  # rare, and each clone costs a second
def test_a_folder_whose_path_is_too_long_for_a_socket(clone: Clone) -> None:
    deep = clone.root / ("d" * 74)
    deep.mkdir()
    words = type(clone)(deep.resolve()).refusal()
    assert "The path of this folder is too long for the supervisor's socket" in words
    assert "at most 74 characters" in words
