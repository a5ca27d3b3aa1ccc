"""Steps of scripts/run in Django: prepares the site before the servers start, and waits for them.

Writes two files to data/run/. `address` is the site's URL. `state` has words: `demo` if there are
demo members, `no-admin` if there is no admin yet, `storage-away` if a disk of the site is missing.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import io
import os
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
RUN = ROOT / "data" / "run"
SEEDS = ("demo", "none")


@contextmanager
def step(label: str) -> Iterator[None]:
    """Prints a line with the label and the duration; on a terminal, also while the step runs."""
    since = time.monotonic()
    if sys.stdout.isatty():
        print(f"  {label + ' …':<51}", end="\r", flush=True)
    yield
    print(f"  {label:<42} {time.monotonic() - since:6.1f} s", flush=True)


def seed_wanted() -> str:
    """The value of SEED: `demo` or `none`. Without one, `demo` unless others can reach the site.

    Exits with a sentence for an invalid value, and for `demo` on a site that others can reach,
    since the demo passwords are public.
    """
    from django.conf import settings

    seed = os.environ.get("SEED", "")
    if seed and seed not in SEEDS:
        sys.exit(f"SEED is '{seed}'; it must be demo or none.")
    if seed == "demo" and settings.EXPOSED_BY:
        sys.exit(
            "SEED is demo, which creates members with public passwords, and others can reach this "
            f"site ({', '.join(settings.EXPOSED_BY)}). Set SEED=none, or change these settings so "
            "that only this machine can reach it."
        )
    return seed or ("none" if settings.EXPOSED_BY else "demo")


def static_files_stamp() -> str:
    """A hash of the static files' names, sizes and times, of their storage and Django's version."""
    import django
    from django.contrib.staticfiles.finders import get_finders

    from clipset.server import static_files

    digest = hashlib.sha256(django.__version__.encode())
    digest.update(Path(static_files.__file__).read_bytes())
    for finder in get_finders():
        for path, storage in finder.list([]):
            stat = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def collect_static_files() -> None:
    """Collects the static files if anything changed; hashing and compressing take seconds."""
    from django.conf import settings
    from django.core.management import call_command

    stamp_file = Path(settings.STATIC_ROOT) / ".clipset-stamp"
    stamp = static_files_stamp()
    if stamp_file.is_file() and stamp_file.read_text() == stamp:
        return
    with step("Static files"):
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp_file.write_text(stamp)


def settings_line(error: BaseException) -> str:
    """The line of settings.py that raised the exception; it names the setting."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if Path(frame.filename).name == "settings.py"]
    return f"    {lines[-1]}" if lines else ""


def prepare_storage() -> bool:
    """Creates new storage roots and prints which ones are unavailable. Returns whether none is."""
    from videos.services.storage import mark_new_roots, missing_roots

    mark_new_roots()
    away = missing_roots()
    for name, reason in away.items():
        print(f"\nThe storage root '{name}' is not available: {reason}")
    if away:
        print("Until it is back, uploads wait and /healthz returns 503 (docs/operations.md).\n")
    return not away


def file_roots() -> set[Path]:
    """The real folders of the site's files, without subfolders of others on the same disk."""
    from siteconfig.roots import root_names, root_path

    named = [RUN.parent, *map(root_path, root_names())]
    real = {path for each in named if (path := Path(os.path.realpath(each))).is_dir()}
    return {
        path
        for path in real
        if not any(
            path != other
            and path.is_relative_to(other)
            and path.stat().st_dev == other.stat().st_dev
            for other in real
        )
    }


def make_files_private() -> None:
    """Removes permissions that earlier versions gave to all users, once for each folder.

    `data/permissions` lists the folders that are done. A folder outside of the project keeps its
    own mode, which may be intended; the files in it are changed.
    """
    from django.conf import settings

    from clipset.lib.permissions import UMASK, tighten, tighten_one

    stamp_file = RUN.parent / "permissions"
    done = set(stamp_file.read_text().splitlines()) if stamp_file.is_file() else set()
    private = set()
    for root in sorted(file_roots()):
        is_inside = root.is_relative_to(ROOT)
        if str(root) in done and not (is_inside and root.stat().st_mode & UMASK):
            private.add(str(root))
            continue
        with step(f"Permissions of {root.name}/"):
            unchanged = tighten(root) + (is_inside and not tighten_one(root))
        if unchanged:
            print(
                f"  {unchanged} files or folders in {root} are open to other users of this machine "
                "and can't be changed,\n  usually because they belong to another user. Give them "
                f"to the user that runs Clipset: chown -R USER '{root}'"
            )
        else:
            private.add(str(root))
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        for suffix in ("", "-wal", "-shm"):
            tighten_one(Path(f"{settings.DATABASES['default']['NAME']}{suffix}"))
    if private != done:
        stamp_file.write_text("\n".join(sorted(private)))


def mend_clock() -> str | None:
    """Repairs times that a wrong clock left in the future. Returns a warning, or None."""
    from videos.services.clock import clock_warning, correct_future_times

    warning = clock_warning()
    correct_future_times()
    return warning


def forget_heartbeats() -> None:
    """Deletes heartbeats, so that a trial is healthy only when its own workers are."""
    from siteconfig.models import ClusterHeartbeat

    ClusterHeartbeat.objects.all().delete()


def refuse_sample_members() -> None:
    """Exits with a sentence if others can reach the site and it has sample members.

    Call it after the migrations: the command in the sentence needs the tables of this version.
    """
    from accounts.checks import check_sample_members

    for finding in check_sample_members():
        sys.exit(f"\nThe site can't start with sample members.\n{finding}")


def prepare() -> None:
    """Prepares the database, the files and the static files for this code.

    Exits with a sentence if something is wrong.
    """
    set_up_django()
    seed = seed_wanted()
    warning = prepare_database()
    has_storage = prepare_storage()
    make_files_private()
    if warning:
        print(f"\nWarning: {warning}\n", flush=True)
    collect_static_files()
    seed_database(seed)
    write_state(has_storage=has_storage)


def set_up_django() -> None:
    """Loads and checks the settings. Exits with a sentence if something is wrong."""
    since = time.monotonic()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clipset.settings")
    import django

    try:
        django.setup()
    except (ValueError, ImproperlyConfigured) as error:
        sys.exit(f"\nA setting is invalid: {error}\n{settings_line(error)}")
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError
    from django.core.management.commands import check

    try:
        # Django's checks, without those that need a migrated database.
        call_command(check.Command(), stdout=io.StringIO())
    except SystemCheckError as error:
        sys.exit(f"\nThere are problems with your settings:\n{error}")
    print(f"  {'Settings checked':<42} {time.monotonic() - since:6.1f} s", flush=True)


def prepare_database() -> str | None:
    """Migrates the database and updates schedules, times and the search index.

    Returns a warning if the clock may be wrong.
    """
    from django.conf import settings
    from django.core.management import call_command

    from siteconfig.schema import WrongMigrationsError, refuse_newer_database

    with step("Database migrations"):
        try:
            refuse_newer_database()
        except WrongMigrationsError as error:
            sys.exit(f"\n{error}")
        call_command("migrate", interactive=False, verbosity=0)
        refuse_sample_members()
        call_command("setup_schedules", stdout=io.StringIO())
        warning = mend_clock()
        call_command("rebuild_search", missing=True, verbosity=0)
        if settings.IS_TRIAL:
            forget_heartbeats()
    return warning


def seed_database(seed: str) -> None:
    """Fills an empty database with sample data if `seed` is `demo`."""
    from django.core.management import call_command
    from django.core.management.base import CommandError

    from accounts.models import User

    if seed == "demo" and not User.objects.exists():
        with step("Demo members and videos"):
            try:
                call_command("seed_clipset", stdout=io.StringIO())
            except CommandError as error:
                sys.exit(f"\nCouldn't create the demo content: {error}")


def write_state(*, has_storage: bool) -> None:
    """Writes `state` and `address`, which scripts/run announces."""
    from django.conf import settings

    from accounts.models import User

    state = [] if has_storage else ["storage-away"]
    if User.objects.filter(is_sample=True).exists():
        state.append("demo")
    if not User.objects.admins().exists():
        state.append("no-admin")
    (RUN / "state").write_text(" ".join(state))
    (RUN / "address").write_text(settings.SITE_URL)


def wait_for_health(seconds: float) -> None:
    """Waits until /healthz responds 200. Exits with the last response if it does not in time.

    If a storage root is known to be unavailable, any response will do, since the rest is served.
    """
    from clipset import settings

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    name = settings.ALLOWED_HOSTS[0].lstrip(".").replace("*", "localhost")
    deadline = time.monotonic() + seconds
    answer = "nothing listened"
    is_without_storage = "storage-away" in (RUN / "state").read_text().split()
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(host, settings.PORT, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": name})
            status = connection.getresponse().status
            if status == http.client.OK or is_without_storage:
                return
            answer = f"it answered {status}"
        except OSError as error:
            answer = str(error)
        finally:
            connection.close()
        time.sleep(0.05)
    sys.exit(f"/healthz did not answer 200 within {seconds:.0f} s: {answer}.")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:2] == ["--wait-for-health"]:
        wait_for_health(float(sys.argv[2]))
    else:
        try:
            prepare()
        except (OSError, DatabaseError) as failure:
            if getattr(failure, "errno", None) != errno.ENOSPC and "is full" not in str(failure):
                raise
            sys.exit(f"\nThe disk is full: {failure}. Free some space and start again.")
