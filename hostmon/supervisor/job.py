"""One driver's job: everything its thread or its process needs to run it. Types only."""

from typing import Any

import msgspec

from hostmon.client import Endpoint
from hostmon.driver import Isolation
from hostmon.driver.options import RunOptions
from hostmon.settings import LogSettings


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to run and how; ``section`` is the driver's part of the configuration, unchanged."""

    name: str
    isolation: Isolation
    options: RunOptions
    section: dict[str, Any]
    host: str
    events_addresses: tuple[str, ...]
    requests_address: str
    log: LogSettings = LogSettings()

    @property
    def agent(self) -> Endpoint:
        """Where the driver's subscriber listens, and asks for what it missed."""
        return Endpoint(self.events_addresses[0], self.requests_address)
