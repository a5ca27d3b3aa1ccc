"""Requests to the admin that none of its pages sends are never answered with 500."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import Role, User
from accounts.services.invitations import issue_invitation
from tests.builders import make_admin, make_category, make_playlist, make_user, make_video
from videos.models import Job
from videos.services.comments import write_comment
from videos.services.reports import report_video

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.contrib.admin import ModelAdmin
    from django.db.models import Model

get_resolver().url_patterns  # noqa: B018 clipset.urls takes out what this admin does not hold
MODELS = sorted(model._meta.label_lower for model in admin.site._registry)
# These two have all types of fields in which a database refuses a NUL or more than 64 bits.
ON_BOTH = {"accounts.user", "videos.video"}
EACH_MODEL = [
    # Two of three models wait for --long: what breaks a page is rarely that of one model.
    pytest.param(
        model,
        marks=[]
        if model in ON_BOTH
        else [pytest.mark.long_on_postgresql, *[pytest.mark.long] * bool(number % 3)],
    )
    for number, model in enumerate(MODELS)
]
HUGE = "9" * 30
VALUES = ["x", "1\x00", HUGE]  # none of these is an id, a date, a number or a choice
PARAMETERS = ["o", "q", "all", "e", "_facets", "_popup", "_changelist_filters", "bogus"]
LOOKUPS = ["", "__exact", "__isnull", "__in", "__gte", "__id__exact"]
ANSWERED = {200, 302, 400, 403, 404, 405, 422}

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> User:
    """An admin, on a site with one row of each kind."""
    root = make_admin("root_")
    video = make_video("Harvest", category=make_category("Music", created_by=root))
    write_comment(video=video, author=root, text="Hm")
    make_playlist("Summer")
    report_video(video=video, reporter=root, reason="UNFIT")
    Job.objects.create(video=video)
    issue_invitation(email="mary@example.org", role=Role.USER, created_by=root)
    return root


@pytest.fixture
def failures(root: User) -> Iterator[Asking]:
    asking = Asking(root)
    logging.disable()  # it would log hundreds of tracebacks
    yield asking
    logging.disable(logging.NOTSET)
    assert asking.failures == []


class Asking:
    """Sends requests as an admin and records those that fail."""

    def __init__(self, user: User) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(user)
        self.failures: list[str] = []

    def get(self, path: str, **query: str) -> None:
        self._note("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, **fields: Any) -> None:
        self._note("POST", path, fields)

    def _note(self, method: str, path: str, fields: dict[str, Any] | None = None) -> None:
        """Undoes what a request changed, so that the next one finds the same data."""
        with transaction.atomic():
            send = self.client.get if method == "GET" else self.client.post
            status = send(path, fields).status_code
            transaction.set_rollback(True)
        if status not in ANSWERED:
            self.failures.append(f"{status} {method} {path} {fields or ''}")


def admin_of(label: str) -> tuple[ModelAdmin[Any], type[Model], str]:
    """Returns the admin class of a model, the model, and the address of its list."""
    model = apps.get_model(label)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    return admin.site.get_model_admin(model), model, reverse(name)


def filters(model_admin: ModelAdmin[Any]) -> Iterable[str]:
    for declared in model_admin.list_filter:
        parameter = getattr(declared, "parameter_name", None)
        if parameter is not None:
            yield parameter
        else:
            field = declared[0] if isinstance(declared, tuple) else declared
            yield from (f"{field}{lookup}" for lookup in LOOKUPS)


def relations(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.get_fields(include_hidden=True)]


@pytest.mark.parametrize("label", EACH_MODEL)
def test_no_query_breaks_a_list(failures: Asking, label: str) -> None:
    model_admin, model, path = admin_of(label)
    for value in VALUES:
        failures.get(path, **dict.fromkeys(PARAMETERS, value))
        for name in ["p", *filters(model_admin)]:
            failures.get(path, **{name: value})
    for field in relations(model):
        failures.get(path, _to_field=field)


@pytest.mark.parametrize("label", EACH_MODEL)
def test_no_key_or_form_breaks_a_page(failures: Asking, label: str) -> None:
    _, model, path = admin_of(label)
    row = str(model._default_manager.values_list("pk", flat=True).first() or "x")
    for key in {row, *VALUES}:
        base = path + quote(key, safe="")
        for page in ("change", "delete", "history"):
            failures.get(f"{base}/{page}/", _changelist_filters=HUGE, p=HUGE)
        failures.post(f"{base}/change/", _popup="1", _to_field="")
        failures.post(f"{base}/delete/", _popup="1", _to_field="", post="yes")
    for field in relations(model):
        for page in ("add", f"{row}/change", f"{row}/delete"):
            failures.get(f"{path}{page}/", _to_field=field)
    fields = dict.fromkeys(relations(model), "1\x00")
    failures.post(f"{path}add/", **fields)
    failures.post(f"{path}{row}/change/", **fields)


@pytest.mark.parametrize("label", EACH_MODEL)
def test_no_selection_breaks_an_action(failures: Asking, label: str) -> None:
    model_admin, _, path = admin_of(label)
    actions = ["", "bogus", *(str(action) for action in model_admin.actions or ())]
    for value in VALUES:
        for action in actions:
            failures.post(path, action=action, index="0", _selected_action=[value])
        failures.post(path, action="delete_selected", index=value, select_across=value)
        formset = {"form-TOTAL_FORMS": value, "form-INITIAL_FORMS": value, "form-0-id": value}
        failures.post(path, _save="1", **formset)


def test_no_term_or_relation_breaks_the_autocompletion(failures: Asking) -> None:
    path = reverse("admin:autocomplete")
    for label in MODELS:
        app, name = label.split(".")
        for field in [*relations(apps.get_model(label)), "bogus", "\x00"]:
            failures.get(path, app_label=app, model_name=name, field_name=field, term="a")
    asked = {"app_label": "videos", "model_name": "video", "field_name": "category"}
    for value in VALUES:
        failures.get(path, **asked, term=value)
        failures.get(path, **asked, page=value)
        for name in asked:
            failures.get(path, **{**asked, name: value})


def test_no_address_breaks_the_rest(failures: Asking) -> None:
    for value in VALUES:
        part = quote(value, safe="")
        for path in (f"{part}/", f"{part}/user/", f"r/{part}/{part}/", f"r/1/{part}/"):
            failures.get(f"/admin/{path}")
        for path in ("", "login/", "password_change/", "jsi18n/"):
            failures.get(f"/admin/{path}", next=value)
        for path in ("login/", "password_change/"):
            failures.post(f"/admin/{path}", username=value, password=value, next=value)


def test_the_autocompletion_answers_for_what_a_form_declares_and_nothing_else(root: User) -> None:
    client = Client()
    client.force_login(root)
    make_user("bob")
    path = reverse("admin:autocomplete")
    declared = {"app_label": "videos", "model_name": "video", "field_name": "category"}
    found = client.get(path, {**declared, "term": "mus"})
    assert [row["text"] for row in found.json()["results"]] == ["Music"]
    assert client.get(path, {**declared, "field_name": "uploaded_by"}).status_code == 403


def test_a_key_above_64_bits_is_told_on_the_page(root: User) -> None:
    client = Client()
    client.force_login(root)
    sent = {"action": "hide", "index": "0", "_selected_action": HUGE}
    answer = client.post("/admin/videos/comment/", sent, follow=True)
    assert answer.status_code == 200
    assert "less than or equal to" in answer.text
