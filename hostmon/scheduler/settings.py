"""The section ``[scheduler]`` of a configuration: which hosts, filters and weighers."""

from pathlib import Path
from typing import Any

import msgspec

from hostmon.client import ClientKeys, Endpoint
from hostmon.keys import load_pair, load_public
from hostmon.scheduler.named import DEFAULT_FILTERS, DEFAULT_WEIGHERS
from hostmon.settings import check_address
from hostmon.toml import toml_key
from hostmon.typed import convert


class HostSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent: its addresses, and its public key (or the key's file) for TCP."""

    events: str
    requests: str
    agent_key: str = ""

    def __post_init__(self) -> None:
        for name in ("events", "requests"):
            try:
                check_address(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name} = {getattr(self, name)!r}: {error}") from None


class SchedulerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``hosts`` by any name; ``key`` is this scheduler's own, for those that have keys.

    ``ttl`` is how long room is held for a guest that has not started, in seconds; ``attempts`` how
    many hosts are asked for one request.
    """

    hosts: dict[str, HostSettings] = {}
    filters: tuple[str, ...] = DEFAULT_FILTERS
    weighers: dict[str, float] = msgspec.field(default_factory=DEFAULT_WEIGHERS.copy)
    ttl: float = 60.0
    attempts: int = 10
    key: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.ttl <= 3600:
            raise ValueError(f"ttl = {self.ttl!r}: give 1 to 3600")
        if not 1 <= self.attempts <= 1000:
            raise ValueError(f"attempts = {self.attempts!r}: give 1 to 1000")
        for name, host in self.hosts.items():
            if bool(host.agent_key) and not self.key:
                raise ValueError(
                    f"hosts.{toml_key(name)}.agent_key: give the scheduler's own key too"
                )

    def endpoints(self) -> list[Endpoint]:
        """The hosts as the client wants them; raises SettingsError for keys that can't be read."""
        own = load_pair(Path(self.key)) if self.key else None
        return [
            Endpoint(
                host.events,
                host.requests,
                ClientKeys(own, load_public(host.agent_key)) if own and host.agent_key else None,
            )
            for host in self.hosts.values()
        ]


def scheduler_settings(section: dict[str, Any], source: str = "") -> SchedulerSettings:
    """The section's settings; raises SettingsError."""
    where = f"{source}: scheduler" if source else "scheduler"
    settings: SchedulerSettings = convert(section, SchedulerSettings, where)
    return settings
