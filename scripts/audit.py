"""Asks for known vulnerabilities of the pinned packages; fails for one, not for a missing answer.

pip-audit calls "skipped" what its source does not know, which is everything where only a mirror of
the packages is reachable. That is said, so that nobody takes it for a clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

COMMAND = (
    *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
    # What is pinned, as it is: nothing is resolved or installed for it.
    *("--disable-pip", "--no-deps", "--timeout", "15"),
    *("--requirement", "requirements.txt", "--requirement", "requirements-scale.txt"),
)


def judge(dependencies: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether it is well, and a sentence. `dependencies` as in pip-audit's JSON."""
    vulnerable = [found for found in dependencies if found.get("vulns")]
    if vulnerable:
        return False, "\n".join(
            f"{found['name']} {found['version']}: {hole['id']}, mended in "
            f"{', '.join(hole['fix_versions']) or 'no version yet'}"
            for found in vulnerable
            for hole in found["vulns"]
        )
    skipped = [found["name"] for found in dependencies if "skip_reason" in found]
    if len(skipped) == len(dependencies):
        return True, "not looked at: the list of vulnerabilities is not reachable from here."
    if skipped:
        return True, f"none, but nothing could be learned about {', '.join(skipped)}."
    return True, "none."


def main() -> int:
    answer = subprocess.run(COMMAND, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(answer.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (answer.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        print(f"not looked at: {last}")
        return 0
    well, sentence = judge(dependencies)
    print(sentence)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
