"""Removes the sample data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from videos.sample_data.remove import remove_sample_data

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Removes the members, categories and videos that seed_clipset made, with their files. "
        "Members and categories that real videos need stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--all",
            action="store_true",
            help="Leave no sample member: the admin is removed even if there is no other, sample "
            "members with videos of their own become ordinary members and need a new password, and "
            "pending invitations of sample members expire. This is the default if the settings say "
            "that others can reach the site.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not _is_current():
            raise CommandError(
                "The database is of an earlier version. Run .venv/bin/python manage.py migrate, or "
                "start the site with scripts/run, and then this command again."
            )
        removed = remove_sample_data(leave_none=options["all"] or bool(settings.EXPOSED_BY))
        if options["verbosity"] < 1:
            return
        if removed.videos or removed.categories or removed.users:
            self.stdout.write(
                f"Removed: {_count(removed.videos, 'video', 'videos')}, "
                f"{_count(removed.categories, 'category', 'categories')}, "
                f"{_count(removed.users, 'member', 'members')}."
            )
        else:
            self.stdout.write("Nothing to remove.")
        for name in removed.kept_categories:
            self.stdout.write(f"The category {name} stays: it has videos that are not sample data.")
        for username, reason in removed.kept_users.items():
            advice = (
                "They are now an ordinary member without a password: an admin can create a link "
                "for a new one."
                if removed.are_plain
                else "Change the password now: it is publicly known."
            )
            self.stdout.write(f"{username} stays: this member {reason}. {advice}")
        if not User.objects.admins().exists():
            self.stdout.write(
                "There is no admin now. The next start of the site, or manage.py setup_link, "
                "prints a link to set up a new one. (A site that only this machine can reach is "
                "filled with sample data again, unless SEED is none.)"
            )


def _is_current() -> bool:
    """Whether all migrations of this version were applied."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
