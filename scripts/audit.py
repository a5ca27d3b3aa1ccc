"""Checks the pinned packages for known vulnerabilities. Fails for one, not for a missing answer.

pip-audit skips packages that its source does not know; that is all of them if only a mirror of the
packages is reachable. The output says so, so that nobody takes it for a clean result.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
    # Checks the pins as they are, without resolving or installing anything.
    *("--disable-pip", "--no-deps", "--timeout", "15"),
    *("--requirement", "requirements.txt", "--requirement", "requirements-scale.txt"),
)


def judge(dependencies: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether no vulnerability is known, and a sentence. `dependencies` as in pip-audit's JSON."""
    vulnerable = [found for found in dependencies if found.get("vulns")]
    if vulnerable:
        return False, "\n".join(
            f"{found['name']} {found['version']}: {hole['id']}, fixed in "
            f"{', '.join(hole['fix_versions']) or 'no version yet'}"
            for found in vulnerable
            for hole in found["vulns"]
        )
    skipped = [found["name"] for found in dependencies if "skip_reason" in found]
    if len(skipped) == len(dependencies):
        return True, "not checked: the list of vulnerabilities can't be reached from here."
    if skipped:
        return True, f"none, but these could not be checked: {', '.join(skipped)}."
    return True, "none."


def main() -> int:
    answer = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (answer.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        print(f"not checked: {last}")
        return 0
    well, sentence = judge(dependencies)
    print(sentence)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
