"""Preparation of a server or worker process: checks the migrations and loads all of the code.

Python and Django load modules and templates when they are first needed. After a `git pull` under a
running site, old code would then use new templates and modules. With everything loaded at the
start, the code stays the same until the next start.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import DatabaseError, connections
from django.forms.renderers import get_default_renderer
from django.template import engines
from django.template.loaders.cached import Loader as CachedLoader

from siteconfig.schema import refuse_wrong_migrations

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

OWN_PACKAGES: Final = ("clipset", "siteconfig", "accounts", "categories", "videos")
# Prefixes of the templates that the forms' renderer needs. It has its own template engine.
WIDGETS: Final = ("django/forms/", "admin/widgets/")


def prepare_to_run() -> None:
    """Checks the migrations and loads all modules and templates. Call it before the first fork.

    Takes about 0.7 s. If the database cannot be reached, the site starts anyway and responds 503
    until it can.

    Raises: WrongMigrationsError if the database is newer or older than the code.
    """
    try:
        refuse_wrong_migrations()
    except DatabaseError as error:
        logger.warning("the migrations could not be checked: %s", error)
    finally:
        connections.close_all()  # forked processes must not share connections
    load_modules()
    load_templates()
    # Loads the hashed names of the static files, if the storage has them.
    getattr(staticfiles_storage, "hashed_files", None)


def load_modules() -> None:
    """Imports all modules of the project except migrations, of which only the names matter."""
    for package in OWN_PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)


def load_templates() -> None:
    """Compiles every template of the pages. Afterwards, none is searched on the disk."""
    pages: Any = engines["django"]
    for loader in _cached_loaders(pages.engine):
        for name in _names(loader):
            found = [it for it in loader.get_template_sources(name) if Path(it.name).is_file()]
            # A template that extends another of the same name needs the later ones too.
            for number in range(len(found)):
                loader.get_template(name, skip=found[:number])
        loader.loaders = []
    renderer: Any = get_default_renderer()
    for loader in _cached_loaders(renderer.engine.engine):
        for name in _names(loader):
            if name.startswith(WIDGETS):
                loader.get_template(name)


def _cached_loaders(engine: Any) -> Iterator[Any]:
    """The engine's cached loaders; none for loaders that read the disk each time."""
    waiting = list(engine.template_loaders)
    while waiting:
        loader = waiting.pop()
        if isinstance(loader, CachedLoader):
            yield loader
        else:
            waiting += getattr(loader, "loaders", [])


def _names(loader: Any) -> Iterator[str]:
    folders = {Path(folder) for folder in loader.get_dirs()}
    files = ((folder, file) for folder in folders for file in folder.rglob("*") if file.is_file())
    yield from sorted({file.relative_to(folder).as_posix() for folder, file in files})
