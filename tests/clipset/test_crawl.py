"""A crawler as each kind of visitor meets no 500, no dead link, and nothing it may not see.

Each visitor follows what the site offers to them, and then tries what it offers to the others.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.clipset.crawler import Crawl, every_address, kind_of
from tests.clipset.planted import PAGES_OF_NAMES, VISITORS, mark, plant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.clipset.crawler import Answer, Link
    from tests.clipset.planted import Site

    Ways = dict[str, list[Answer]]  # by visitor

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NAMES: Final = {mark(name) for name in ("reporter", "hider", "accuser")}
# The site's own name, which is on pages that anybody may open, leads to the log-in first.
NEEDS_LOG_IN: Final = {"home"}
# These lead on to a page that needs a log-in, whoever asks; no page offers them to such visitors.
LEAD_ON: Final = {"admin:login", "admin:logout", "uploads"}
NOT_LOGGED_IN: Final = ("nobody", "invited", "guest")
SHARE: Final = 3  # of the addresses that were offered to others, without --long


@pytest.fixture
def site(media: Path) -> Iterator[Site]:
    logging.disable()  # refusals by the hundred
    yield plant(media)
    logging.disable(logging.NOTSET)


def follow(site: Site, *, samples: int = 1, is_thorough: bool = False) -> Ways:
    crawls = {
        name: Crawl(site.clients[name], samples=samples, is_thorough=is_thorough)
        for name in VISITORS
    }
    return {name: crawl.follow(site.begins[name]) for name, crawl in crawls.items()}


def offered_to_others(ways: Ways, visitor: str) -> list[Link]:
    links = {one.link.address: one.link for way in ways.values() for one in way}
    own = {one.link.address for one in ways[visitor]}
    return [link for address, link in links.items() if address not in own]


def tries(site: Site, visitor: str, links: list[Link]) -> list[Answer]:
    """What the visitor gets at these addresses, without those that hold a secret: they open their
    page for whoever has them."""
    crawl = Crawl(site.clients[visitor])
    return [
        crawl.ask(link)
        for link in links
        if not any(secret in link.address for secret in site.secrets)
    ]


# -- What may not be ------------------------------------------------------------------------------
def dead_links(visitor: str, met: list[Answer]) -> Iterator[str]:
    """Links of pages that lead this visitor to a refusal or an error, as far as they were asked."""
    asked = {answer.link.address: answer for answer in met}
    asked = {address.partition("?")[0]: answer for address, answer in asked.items()} | asked
    for page in met:
        leads_on = kind_of(page.link)[0] in LEAD_ON
        for link in () if leads_on else page.offers:
            answer = asked.get(link.address) or asked.get(link.address.partition("?")[0])
            if answer is None or answer.status < 400 or (link.is_post and answer.status == 405):
                continue
            if visitor not in NOT_LOGGED_IN or kind_of(link)[0] not in NEEDS_LOG_IN:
                yield f"{visitor}: {page.link.address} offers {link.address}: {answer.status}"


def errors(visitor: str, met: list[Answer]) -> Iterator[str]:
    return (f"{visitor}: {one.link}: {one.error}" for one in met if one.status >= 500)


def leaks(site: Site, visitor: str, met: list[Answer]) -> Iterator[str]:
    """Marks in headers and bodies that the visitor may not read, and did not send themselves."""
    marks = {value.lower(): readers for value, readers in site.marks.items()}
    pattern = re.compile("|".join(map(re.escape, marks)))
    for answer in met:
        asked, page = answer.link.address.lower(), kind_of(answer.link)[0]
        is_list_of_names = page.startswith(PAGES_OF_NAMES) or asked.startswith("/?q=")
        for value in sorted(set(pattern.findall(answer.text))):
            is_shown = visitor in marks[value] or (value in NAMES and is_list_of_names)
            if not is_shown and value not in asked:
                yield f"{visitor} reads {site.secrets.get(value, value)} at {answer.link}"


def faults(site: Site, met: Ways) -> set[str]:
    return {
        fault
        for name, answers in met.items()
        for found in (dead_links(name, answers), errors(name, answers), leaks(site, name, answers))
        for fault in found
    }


def unread(site: Site, met: Ways) -> set[str]:
    """Marks that nobody met of those who may read them: then nothing is known about the others."""
    left = {value: readers for value, readers in site.marks.items() if readers}
    for name, answers in met.items():
        said = "\n".join(answer.text for answer in answers)
        left = {
            value: who
            for value, who in left.items()
            if name not in who or value.lower() not in said
        }
    return {site.secrets.get(value, value) for value in left}


# -- The crawls -----------------------------------------------------------------------------------
@pytest.mark.long_on_postgresql
def test_a_crawler_meets_nothing_that_it_may_not_see(site: Site) -> None:
    """One address of each URL, and a share of those that were offered to others."""
    met = follow(site)
    for number, name in enumerate(VISITORS):
        others = offered_to_others(met, name)
        met[name] = met[name] + tries(site, name, others[number % SHARE :: SHARE])
    assert not faults(site, met), "\n".join(sorted(faults(site, met)))


@pytest.mark.long
def test_a_thorough_crawler_meets_nothing_either(site: Site) -> None:
    """Several addresses of each kind, and each address of each thing for each visitor."""
    met = follow(site, samples=3, is_thorough=True)
    every = every_address(site.things)
    assert len(every) > 1000
    for name in VISITORS:
        others = {link.address: link for link in (*offered_to_others(met, name), *every)}
        met[name] = met[name] + tries(site, name, list(others.values()))
    assert not faults(site, met), "\n".join(sorted(faults(site, met)))
    assert unread(site, met) == set()
