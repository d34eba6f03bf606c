"""One driver's job: everything its thread or its process needs to run it. Types only."""

from typing import Any

import msgspec

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
