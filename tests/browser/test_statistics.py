"""The charts of the admin: drawn from their tables, in both themes, on a phone and a PC."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.browser.conftest import results
from tests.browser.test_access import EVERYTHING, found_by_axe
from tests.browser.test_admin_colours import AT_ONCE
from tests.builders import make_category, make_moderator, make_user
from tests.parts import axe_core
from videos.models import DailyStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.videos import live

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = "/admin/videos/dailystatistics/"
GB = 1024**3
DAYS = 420
# Of each chart: the values that are drawn and those of the table, whether anything is drawn, and
# the color of the bars.
CHARTS = """() => [...document.querySelectorAll("clip-chart")].map((chart) => {
    const canvas = chart.querySelector("canvas");
    const {data} = Chart.getChart(canvas).data.datasets[0];
    const rows = [...chart.querySelectorAll("tbody tr")].map((row) => Number(row.dataset.value));
    const copy = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    const pixels = copy.getImageData(0, 0, 300, 150).data;
    const color = Chart.getChart(canvas).data.datasets[0].backgroundColor;
    return {data, rows, isDrawn: pixels.some((value) => value > 0), color};
})"""


def furnish_days() -> None:
    """Stores a year and more, with growing figures, and shares with long names."""
    chance, now = Random(4), timezone.now()
    names = ["Konstantin_von_und_zu_Hohenfel", *(f"member_{n}" for n in range(9))]
    members = [
        {"key": str(make_user(name).pk), "videos": 300 // (n + 1), "bytes": 90 * GB // (n + 1)}
        for n, name in enumerate(names)
    ]
    categories = [
        {"key": str(make_category(name).pk), "videos": 40 - n, "bytes": (60 - 9 * n) * GB}
        for n, name in enumerate(("Holidays, birthdays and weddings", "Music", "Sports"))
    ]
    shares = {
        "members": members,
        "other_members": {"count": 14, "videos": 120, "bytes": 21 * GB},
        "categories": [*categories, {"key": "", "videos": 3, "bytes": GB}],
        "other_categories": {"count": 0, "videos": 0, "bytes": 0},
    }
    DailyStatistics.objects.bulk_create(
        DailyStatistics(
            day=now.date() - timedelta(days=back),
            uploads=chance.randrange(12),
            uploaded_bytes=chance.randrange(3 * GB),
            views=chance.randrange(400 - back // 2),
            comments=chance.randrange(30),
            stored_bytes=(DAYS - back) * GB,
            shares=None if back else shares,
            counted_at=now,
        )
        for back in range(DAYS)
    )


def test_charts_are_drawn_from_their_tables(
    visit: Callable[..., Page], site: live.Server, pytestconfig: pytest.Config
) -> None:
    """The security policy stops nothing, which `visit` watches over."""
    furnish_days()
    page = visit(make_moderator(), viewport={"width": 390, "height": 844}, color_scheme="light")
    page.goto(f"{PAGE}?days=365")
    page.wait_for_function("document.querySelectorAll('clip-chart:defined').length === 7")
    drawn = page.evaluate(CHARTS)
    assert len(drawn) == 7
    assert all(it["isDrawn"] and it["data"] == it["rows"] for it in drawn)
    page.evaluate(axe_core())
    page.evaluate(AT_ONCE)
    page.locator("summary").first.click()
    is_long = pytestconfig.getoption("--long")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        # Charts follow the width a moment later.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
        for theme in ("light", "dark") if is_long or width == 390 else ():
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            assert found_by_axe(page, EVERYTHING) == []
            if is_long:
                path = results(f"screenshots/statistics-{width}-{theme}.png")
                page.screenshot(path=path, full_page=True)
    redrawn = page.evaluate(CHARTS)
    assert {it["color"] for it in redrawn}.isdisjoint({it["color"] for it in drawn})
    assert all(it["isDrawn"] for it in redrawn)
