"""Command that looks for problems of the site and, on request, repairs them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import BaseCommand
from django.db import DatabaseError
from django.utils.translation import ngettext

from siteconfig.services.doctor import Result, as_json, run_doctor
from siteconfig.services.doctor_log import DoctorLogError, take_back

if TYPE_CHECKING:
    from argparse import ArgumentParser

NOTHING_FOUND: Final = 0
FINDINGS: Final = 1
CANNOT_RUN: Final = 2


class Command(BaseCommand):
    help = (
        "Looks for problems: files and rows that don't match, work that has stopped, settings, "
        "space. Changes nothing without --fix. Exit code 0: nothing found. 1: something found. 2: "
        "the doctor couldn't run, for example because a storage root is not mounted."
    )
    # The command must also run when the settings are wrong. Wrong settings are findings.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--fix",
            action="store_true",
            help="Repair what can be repaired. Each change is printed and logged to "
            "data/log/doctor.log. Nothing is deleted from the disk.",
        )
        parser.add_argument("--json", action="store_true", help="Print the result as JSON.")
        parser.add_argument(
            "--deep",
            action="store_true",
            help="Read every video file to its end. This can take hours.",
        )
        parser.add_argument("--undo", metavar="RUN", help="Undo the changes of a run.")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["undo"]:
            self._take_back(options["undo"])
            return
        is_json = options["json"]
        try:
            result = run_doctor(
                is_fix=options["fix"],
                is_deep=options["deep"],
                say=None if is_json else self._say,
            )
        except DatabaseError as error:
            result = Result("", problem=f"The database does not answer: {error}")
            if not is_json:
                self._say("problem", result.problem)
        if is_json:
            self.stdout.write(json.dumps(_facts(result), indent=1))
        else:
            self._sum_up(result)
        if code := exit_code(result):
            sys.exit(code)

    def _say(self, kind: str, text: str) -> None:
        if kind == "problem":
            self.stderr.write(f"The doctor can't run: {text}")
        else:
            self.stdout.write(f"  {text}" if kind == "mend" else text)

    def _sum_up(self, result: Result) -> None:
        shown = len(result.findings)
        if result.found > shown:
            self.stdout.write(f"... and {result.found - shown:,} more of the same kinds.")
        if result.found:
            sentence = ngettext(
                "%(found)s finding, %(mended)s repaired.",
                "%(found)s findings, %(mended)s repaired.",
                result.found,
            )
            numbers = {"found": f"{result.found:,}", "mended": f"{len(result.mended):,}"}
            self.stdout.write(sentence % numbers)
        elif not result.problem:
            self.stdout.write("Nothing found.")
        if result.mended or result.failed:
            self.stdout.write(f"To undo the changes: manage.py doctor --undo {result.key}")

    def _take_back(self, run: str) -> None:
        try:
            for line in take_back(run):
                self.stdout.write(line)
        except DoctorLogError as error:
            self.stderr.write(str(error))
            sys.exit(CANNOT_RUN)


def exit_code(result: Result) -> int:
    if result.problem:
        return CANNOT_RUN
    return FINDINGS if result.found else NOTHING_FOUND


def _facts(result: Result) -> dict[str, Any]:
    return {
        "run": result.key,
        "found": result.found,
        "mended": len(result.mended),
        "problem": result.problem or None,
        "findings": [as_json(result, finding) for finding in result.findings],
    }
