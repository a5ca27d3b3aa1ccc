"""What the tests of "Needs attention" share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from siteconfig.attention import Look, find_source
from siteconfig.models import ClusterHeartbeat
from siteconfig.services.cluster_heartbeats import beat, cluster_names

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User
    from siteconfig.attention import Row

HTMX = {"HX-Request": "true"}


def rows_of(kind: str, staff: User) -> list[Row]:
    """Returns the rows of a source for a member of staff; none if they may not see it."""
    source = find_source(kind)
    assert source is not None
    if not source.may_see(staff):
        return []
    rows = source.find(Look(staff=staff))
    assert source.number_of_rows(staff) == len(rows)
    return rows


def titles_of(kind: str, staff: User) -> list[str]:
    return [row.title for row in rows_of(kind, staff)]


def act(client: Client, kind: str, key: object, name: str, value: str = "", **extra: Any) -> Any:
    """Posts an act as htmx does."""
    path = f"/admin/attention/{kind}/{key}/{name}/"
    return client.post(path, {"value": value}, headers=HTMX, **extra)


def undo(client: Client, page: str) -> Any:
    """Presses the button that undoes what the response to an act tells of, as htmx does."""
    found = re.search(r'action="([^"]+/undo/)".*?name="request" value="([^"]+)"', page, re.DOTALL)
    assert found is not None
    return client.post(found[1], {"request": found[2]}, headers=HTMX)


def workers_live() -> None:
    for name in cluster_names():
        beat(name)


def workers_gone() -> None:
    ClusterHeartbeat.objects.all().delete()
