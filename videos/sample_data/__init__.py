"""The owner's sample data: made, stored and removed."""

from videos.sample_data.removal import Removed, remove_samples
from videos.sample_data.seeding import SamplesError, refuse_unless_empty, seed_samples

__all__ = ["Removed", "SamplesError", "refuse_unless_empty", "remove_samples", "seed_samples"]
