"""Functions of scripts/lib.sh: settings that are read before Django can run."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.scripts.conftest import Clone


def test_settings_of_the_file_count_and_the_environment_before_them(
    shared_clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / "other.env"
    port = free_port()
    env_file.write_text(f"# a comment\nexport PORT='{port}'\nHOST=\"127.0.0.9\"\nPORT=1\n")
    settings = {"CLIPSET_ENV_FILE": str(env_file)}
    monkeypatch.delitem(shared_clone.environment, "PORT")
    assert shared_clone.ask("setting", "HOST", "127.0.0.1", **settings) == "127.0.0.9"
    assert shared_clone.ask("setting", "HOST", "127.0.0.1", HOST="::1", **settings) == "::1"
    assert shared_clone.ask("setting", "SITE_URL", "nothing", **settings) == "nothing"
    assert shared_clone.ask("setting", "PORT", "8000", **settings) == str(port)


@pytest.fixture
def addresses(
    shared_clone: Clone, fake_program: Callable[[str, str], str]
) -> Callable[..., list[str]]:
    """Returns the SITE_URL and ALLOWED_HOSTS that processes get on a machine with two networks."""
    path = fake_program(
        "hostname", 'case "$*" in -I) echo 192.168.1.5 10.0.0.7 2001:db8::7;; *) echo attic;; esac'
    )

    def ask(**settings: str) -> list[str]:
        show = (
            '. scripts/lib.sh; set_addresses; printf "%s\\n" "${SITE_URL:-}" "${ALLOWED_HOSTS:-}"'
        )
        answer = subprocess.check_output(
            ["bash", "-c", show],
            cwd=shared_clone.root,
            env=shared_clone.environment | {"PATH": path, "PORT": "8000"} | settings,
            text=True,
        )
        return answer.splitlines()

    return ask


EVERYWHERE = "0.0.0.0"  # noqa: S104 nothing is bound here
ALL_NAMES = "localhost,127.0.0.1,[::1],attic,attic.local,192.168.1.5,10.0.0.7,[2001:db8::7]"


@pytest.mark.parametrize("host", [EVERYWHERE, "::"])
def test_on_all_networks_the_site_answers_to_all_names_of_the_machine(
    addresses: Callable[..., list[str]], host: str
) -> None:
    url = "http://192.168.1.5:8000"
    assert addresses(HOST=host) == [url, f"{ALL_NAMES},192.168.1.5"]


def test_what_the_operator_says_goes(addresses: Callable[..., list[str]]) -> None:
    url = "https://clips.example.org:444"
    assert addresses(HOST=EVERYWHERE, SITE_URL=url) == [url, f"{ALL_NAMES},clips.example.org"]
    hosts = "clips.example.org"
    assert addresses(HOST=EVERYWHERE, SITE_URL=url, ALLOWED_HOSTS=hosts) == [url, hosts]


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168.1.5", "::1"])
def test_on_one_address_django_knows_by_itself(
    addresses: Callable[..., list[str]], host: str
) -> None:
    assert addresses(HOST=host) == ["", ""]


@pytest.mark.long  # makes two environments
@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages without a password")
def test_a_bubblewrap_that_cannot_be_installed_is_told_and_not_tried_again(
    shared_clone: Clone, fake_program: Callable[[str, str], str], tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    fake_program("dpkg", "exit 0")
    path = fake_program("apt-get", f'echo "$*" >>{notes}; exit 1')
    script = """
        command() { [[ $2 != bwrap ]] && builtin command "$@"; }
        LOGS=$1; VENV=$1; . scripts/lib.sh; LOGS=$1; VENV=$1
        want_bubblewrap; want_bubblewrap
    """
    answer = subprocess.check_output(
        ["bash", "-c", script, "bash", str(tmp_path)],
        cwd=shared_clone.root,
        env=shared_clone.environment | {"PATH": path},
        text=True,
    )
    assert answer.count("bubblewrap is missing, so FFmpeg and the decoder of images are") == 2
    tries = [line for line in notes.read_text().splitlines() if "install" in line]
    assert len(tries) == 2, "before and after an update of the lists, at the first start only"


def test_a_linked_virtual_environment_is_replaced_and_what_it_leads_to_is_kept(
    clone: Clone, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "kept").touch()
    ours = clone.root / ".venv"
    if ours.is_symlink() or ours.exists():
        ours.rename(clone.root / "before")
    ours.symlink_to(theirs)
    script = 'LOGS=$PWD; . scripts/lib.sh; need_folders "$LOGS"; find_python; make_venv'
    subprocess.run(["bash", "-c", script], cwd=clone.root, env=clone.environment, check=True)
    assert (theirs / "kept").exists()
    assert not ours.is_symlink()
    assert (ours / "bin" / "python").exists()
