"""The owner's sample data: made, stored and removed."""

from videos.services.samples.removal import Removed, remove_samples
from videos.services.samples.seeding import SamplesError, refuse_unless_empty, seed_samples

__all__ = ["Removed", "SamplesError", "refuse_unless_empty", "remove_samples", "seed_samples"]
