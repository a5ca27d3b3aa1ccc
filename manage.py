#!/usr/bin/env python
"""Django's command-line utility."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clipset.settings")
    from django.core.management import execute_from_command_line

    from siteconfig.actors import acting_as_command

    with acting_as_command(sys.argv):
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
