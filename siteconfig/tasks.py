"""What the workers do for the site as a whole. Takes primitives, fetches, delegates."""

from __future__ import annotations

from siteconfig.services import doctor


def run_doctor() -> int:
    """Daily: looks and mends nothing. Returns how many findings there are."""
    return doctor.run_doctor().found


def run_requested_doctor(run_id: int) -> None:
    """What an admin asked for on the doctor's page."""
    doctor.run_requested(run_id)
