"""The one place that answers refused requests."""

from __future__ import annotations

import json

import pytest
from django.test import RequestFactory

from clipset.lib.refusals import RateLimitedError, RefusedError
from clipset.ui.refusals import AnswerRefusals, refused

SENTENCE = "You did <that> too often. Wait a minute."


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("text/html,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/plain"),
        ("", "text/plain"),
    ],
)
def test_the_sentence_comes_in_the_form_that_the_client_reads(
    accept: str, content_type: str
) -> None:
    request = RequestFactory().post("/", headers={"Accept": accept})
    response = refused(request, RateLimitedError(SENTENCE, seconds=60))
    assert (response.status_code, response["Retry-After"]) == (429, "60")
    assert response["Content-Type"] == content_type
    text = response.content.decode()
    if content_type == "application/json":
        assert json.loads(text) == {"error": SENTENCE}
    elif content_type == "text/plain":
        assert text == SENTENCE
    else:
        assert "You did &lt;that&gt; too often. Wait a minute." in text


def test_htmx_gets_plain_text_for_its_toast() -> None:
    request = RequestFactory().post("/", headers={"Accept": "text/html", "HX-Request": "true"})
    request.htmx = True  # type: ignore[attr-defined]
    response = refused(request, RefusedError(SENTENCE, status=413))
    assert (response.status_code, response.content.decode()) == (413, SENTENCE)
    assert "Retry-After" not in response


def test_other_errors_are_left_to_django() -> None:
    middleware = AnswerRefusals(lambda _: pytest.fail("not called"))
    request = RequestFactory().get("/")
    assert middleware.process_exception(request, ValueError()) is None
    answer = middleware.process_exception(request, RefusedError(SENTENCE))
    assert answer is not None
    assert answer.status_code == 422
