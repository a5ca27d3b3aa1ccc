"""Counts for rate limits."""

from __future__ import annotations

from django.db import models


class Throttle(models.Model):
    """A count of how often one client or member did one thing, such as request an e-mail.

    It is in the database because the web server's processes share nothing else.
    """

    key = models.CharField(max_length=64, primary_key=True)  # a hash of the action and the actor
    started_at = models.DateTimeField()
    times = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "throttles"

    def __str__(self) -> str:
        return f"{self.times} since {self.started_at}"


class TryCount(models.Model):
    """How often somebody tried a wrong password, for one account, device or network.

    accounts.services.tries explains the counts.
    """

    key = models.CharField(max_length=64, primary_key=True)  # a hash of what is counted
    tries = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()
    next_at = models.DateTimeField()  # until then, further tries are refused

    class Meta:
        db_table = "try_counts"

    def __str__(self) -> str:
        return f"{self.tries} until {self.last_at}"
