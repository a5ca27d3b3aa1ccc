"""The end of the sample data."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from videos.services.samples import remove_samples


class Command(BaseCommand):
    help = (
        "Removes the members, categories and videos that seed_clipset made, with their files. "
        "What real videos hang on stays."
    )

    def handle(self, *_args: Any, **options: Any) -> None:
        removed = remove_samples()
        if options["verbosity"] < 1:
            return
        if removed.videos or removed.categories or removed.users:
            self.stdout.write(
                f"Removed: {_count(removed.videos, 'video', 'videos')}, "
                f"{_count(removed.categories, 'category', 'categories')}, "
                f"{_count(removed.users, 'member', 'members')}."
            )
        else:
            self.stdout.write("There was nothing to remove.")
        for name in removed.kept_categories:
            self.stdout.write(f"The category {name} stays: it holds videos that are no samples.")
        for username, reason in removed.kept_users.items():
            self.stdout.write(
                f"{username} stays: this member {reason}. Change the password now, everybody "
                "knows it."
            )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
