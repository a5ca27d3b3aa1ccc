"""How pytest-xdist distributes the tests to its workers.

The tests of a file run in one worker, one after the other, because of the file's fixtures. Tests of
whole sites never run at the same time. The tests that take longest start first.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

MAX_WORKERS = 4
# All tests of such a folder run in one worker: scripts/run promises times in seconds, and each
# start of it keeps a core busy.
ONE_AT_A_TIME = ("tests/scripts/",)
# These start first, in this order, as they take longest. The other files take a few seconds each,
# so that no worker waits long for another at the end.
LONGEST_FIRST = (
    *ONE_AT_A_TIME,
    "tests/services/test_postgresql.py",
    "tests/browser/test_hls.py",
    "tests/videos/transcode/test_pipeline.py",
    "tests/videos/test_workers.py",
    "tests/videos/test_seed_clipset.py",
    "tests/hostile/",
    "tests/browser/test_watching.py",
    "tests/browser/test_journeys.py",
    "tests/browser/test_by_hand.py",
    "tests/videos/test_storage_away.py",
    "tests/videos/test_processing.py",
    "tests/videos/transcode/test_sources.py",
    "tests/clipset/test_urls.py",
    "tests/siteconfig/backup/",
    "tests/videos/views/test_stalled.py",
    "tests/browser/",
    "tests/videos/test_enriching.py",
    "tests/videos/test_write_lock.py",
    "tests/videos/test_tus_live.py",
    "tests/videos/services/test_thumbnails.py",
    "tests/videos/test_adopting.py",
    "tests/videos/test_tus_clients.py",
    "tests/videos/test_failing_disk.py",
    "tests/services/",
    "tests/videos/doctor/",
    "tests/videos/views/test_upload_live.py",
    "tests/videos/views/test_growing_live.py",
    "tests/videos/test_migrating_roots.py",
)


def unit(node: str) -> str:
    """Returns the part of a test's id that all tests share which have to run in one worker."""
    for folder in ONE_AT_A_TIME:
        if node.startswith(folder):
            return folder
    return node.split("::", 1)[0]


def begin_with_the_longest(items: list[pytest.Item]) -> None:
    """Sorts the tests by LONGEST_FIRST.

    Otherwise one worker would still run the longest when the others have nothing left.
    """

    def rank(item: pytest.Item) -> int:
        node = item.nodeid
        places = (place for place, start in enumerate(LONGEST_FIRST) if node.startswith(start))
        return next(places, len(LONGEST_FIRST))

    items.sort(key=rank)


def workers_for(arguments: list[str], root: Path, *, is_quick: bool = False) -> int:
    """Returns how many workers run these arguments of pytest; 0 for a single file.

    There are two workers more than cores, at most MAX_WORKERS, because some tests always wait for
    a browser or for a time. Those of --quick rarely wait, so it gets one more than cores.
    """
    files = [root / argument.split("::", 1)[0] for argument in arguments]
    if len(files) == 1 and files[0].is_file():
        return 0
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) + (1 if is_quick else 2))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Returns the number of workers for `-n auto`."""
    is_quick = config.getoption("--quick")
    return workers_for(config.args, config.invocation_params.dir, is_quick=is_quick)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Returns a scheduler that keeps units together, unless --dist asks for another way."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # it would sort by the number of tests
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit
    return scheduler
