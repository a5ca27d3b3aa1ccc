"""scripts/upgrade between versions with other dependencies, and back to those of the old one."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.operations import run_command
from tests.processes import wait_for
from tests.scripts.member import manage
from tests.scripts.repository import (
    code_is,
    make_repository,
    make_version,
    new_version,
    upgrade,
    with_text,
)
from tests.scripts.site import end, running, started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.scripts.conftest import Clone

pytestmark = [pytest.mark.ffmpeg, pytest.mark.git, pytest.mark.long]

# Without a network: only packages that are installed or that a requirement names as a file.
OFFLINE = {"PIP_NO_INDEX": "1", "npm_config_offline": "true"}
REQUIREMENTS = "requirements.txt"


def make_wheel(folder: Path, version: str) -> str:
    """Builds a package that has its version. Returns the line for requirements.txt."""
    info = f"clipset_probe-{version}.dist-info"
    files = {
        "clipset_probe.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: clipset-probe\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    wheel = folder / f"clipset_probe-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in (*files.items(), (f"{info}/RECORD", record)):
            archive.writestr(name, text)
    return f"clipset-probe @ {wheel.as_uri()}\n"


def packages(clone: Clone) -> dict[str, str]:
    """Returns digests of all files in .venv and node_modules, by path."""
    return {
        str(path.relative_to(clone.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (".venv", "node_modules")
        for path in (clone.root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def probe(clone: Clone) -> str:
    """Returns the installed version of the package."""
    command = [".venv/bin/python", "-c", "import clipset_probe; print(clipset_probe.VERSION)"]
    return subprocess.check_output(command, cwd=clone.root, text=True).strip()


def nothing_is_left_over(clone: Clone) -> bool:
    return not [*clone.root.glob(".venv.*"), *clone.root.glob("node_modules.*")]


@pytest.fixture
def versions(installed: Clone, tmp_path: Path) -> str:
    """Makes a version with one release of a package and others with another. Returns the first."""
    requirements = installed.root / REQUIREMENTS
    text = requirements.read_text()
    requirements.write_text(text + make_wheel(tmp_path, "1"))
    [wheel] = tmp_path.glob("*.whl")
    pip = [".venv/bin/python", "-m", "pip", "install", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(pip, cwd=installed.root, check=True, capture_output=True)
    stamp = installed.ask("requirements_stamp", REQUIREMENTS)
    (installed.root / ".venv/.clipset-requirements").write_text(stamp)

    old = make_repository(installed)
    other = {REQUIREMENTS: text + make_wheel(tmp_path, "2")}
    broken = with_text(installed, "clipset/urls.py", "urlpatterns", "this is no Python")
    make_version(installed, "broken", broken | other)
    make_version(installed, "unreachable", {REQUIREMENTS: text + "clipset-no-such-package==1\n"})
    changed = with_text(
        installed, "package.json", '"dependencies": {', '"dependencies": {"a": "1",'
    )
    make_version(installed, "front-end", changed | other)
    make_version(installed, "new", new_version(installed) | other)
    (installed.root / "data").mkdir(exist_ok=True)
    manage(installed, "migrate", "--verbosity=0")
    return old


def test_the_old_dependencies_are_there_again_when_the_new_version_fails(
    installed: Clone, versions: str
) -> None:
    before = packages(installed)
    assert probe(installed) == "1"
    log = installed.root / "data/log/setup/pip.log"
    for tag, reason in {
        "broken": "this is no Python",
        "unreachable": "clipset-no-such-package",
        "front-end": "Front-end packages failed",
    }.items():
        done = upgrade(installed, tag, **OFFLINE)
        assert (done.returncode, reason in done.stdout) == (1, True), done.stdout
        assert "The old version is back" in done.stdout
        if tag != "unreachable":
            assert "Successfully installed clipset-probe-2" in log.read_text()
        assert packages(installed) == before
        assert nothing_is_left_over(installed)
        assert code_is(installed, versions, "main")

    # Killed right after the other release was installed.
    with subprocess.Popen(
        ["scripts/upgrade", "broken"],
        cwd=installed.root,
        env=installed.environment | OFFLINE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    ) as process:
        [site_packages] = installed.root.glob(".venv/lib/*/site-packages")
        other = site_packages / "clipset_probe-2.dist-info"
        wait_for(other.exists, seconds=60, name="the other release")
        process.kill()
    assert packages(installed) != before
    done = run_command(installed, "scripts/upgrade --back")
    assert done.returncode == 0, done.stdout
    assert "its state is now: back" in done.stdout
    assert packages(installed) == before
    assert nothing_is_left_over(installed)

    # The start has nothing to install.
    with running(installed, **OFFLINE) as process_of_site:
        assert "Python packages" not in started(process_of_site)
        end(installed, process_of_site, signal.SIGTERM)


def test_a_version_that_works_gets_its_dependencies(installed: Clone, versions: str) -> None:
    done = upgrade(installed, "new", **OFFLINE)
    assert done.returncode == 0, done.stdout
    assert not code_is(installed, versions, "main")
    assert probe(installed) == "2"
    assert nothing_is_left_over(installed)
