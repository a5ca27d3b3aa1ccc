"""How pytest-xdist deals the tests to its workers: a file stays together, for the fixtures of its
module; whole sites never run beside each other; what takes long begins first.
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
# Of each of these folders nothing runs beside another of it: the promises of scripts/run are in
# seconds, and a start fills a core.
ONE_AT_A_TIME = ("tests/scripts/",)
# Begun in this order, before all others: those that take longest by themselves. The rest take a few
# seconds each, so that at the end no worker waits for another for long.
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
    """What a test's id has in common with those that the same worker runs one after the other."""
    for folder in ONE_AT_A_TIME:
        if node.startswith(folder):
            return folder
    return node.split("::", 1)[0]


def begin_with_the_longest(items: list[pytest.Item]) -> None:
    """Else one worker would still be at them when the others have done all else."""

    def rank(item: pytest.Item) -> int:
        node = item.nodeid
        places = (place for place, start in enumerate(LONGEST_FIRST) if node.startswith(start))
        return next(places, len(LONGEST_FIRST))

    items.sort(key=rank)


def workers_for(arguments: list[str], root: Path) -> int:
    """One more than there are cores, since some always wait for a browser or a clock; within
    reason; 0, which is none, for a single file."""
    files = [root / argument.split("::", 1)[0] for argument in arguments]
    if len(files) == 1 and files[0].is_file():
        return 0
    return min(MAX_WORKERS, len(os.sched_getaffinity(0)) + 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means."""
    return workers_for(config.args, config.invocation_params.dir)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Units as above, unless --dist asks for another way."""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # that would go by the number of tests
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit
    return scheduler
