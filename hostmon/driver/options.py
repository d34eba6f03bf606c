"""How the agent runs a driver: keys of ``[drivers.NAME]`` that every driver has.

All other keys of the section are the driver's own.
"""

from typing import Any

import msgspec

from hostmon.driver.capabilities import Capabilities, Isolation
from hostmon.errors import SettingsError


class RunOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``required`` lets the agent start only together with the driver.

    ``isolation`` overrides what the driver prefers; ``user`` is whom its process runs as.
    ``block_limit`` is how many seconds one call may take; beyond, a thread is reported, a process
    is killed. ``memory_limit_mib`` and ``files_limit`` bound a process.
    """

    required: bool = False
    isolation: Isolation | None = None
    user: str = ""
    block_limit: float = 5.0
    memory_limit_mib: int = 256
    files_limit: int = 256

    def __post_init__(self) -> None:
        for name, least, most in (
            ("block_limit", 0.1, 3600),
            ("memory_limit_mib", 32, 1 << 20),
            ("files_limit", 32, 1 << 20),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} = {value!r}: give {least:g} to {most:g}")


OPTION_NAMES = RunOptions.__struct_fields__


def split(section: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A section's keys for running the driver, and the driver's own."""
    options = {key: value for key, value in section.items() if key in OPTION_NAMES}
    return options, {key: value for key, value in section.items() if key not in options}


def isolation_of(
    name: str, options: RunOptions, capabilities: Capabilities, *, in_tree: bool
) -> Isolation:
    """Where a driver runs; raises SettingsError for what contradicts the driver's declaration."""
    if capabilities.acts:
        if options.isolation == "thread":
            raise SettingsError(
                f"drivers.{name}.isolation = 'thread': the driver acts; give process"
            )
        if not options.user:
            raise SettingsError(f"drivers.{name}.user is missing: the driver acts; name its user")
        return "process"
    if capabilities.needs_metrics:
        if options.isolation == "process" or options.user:
            raise SettingsError(
                f"drivers.{name}: needs the agent's memory; give isolation = 'thread' and no user"
            )
        return "thread"
    if options.user and options.isolation == "thread":
        raise SettingsError(f"drivers.{name}.user: only a process has one; give process")
    preferred = capabilities.isolation or ("thread" if in_tree else "process")
    return options.isolation or ("process" if options.user else preferred)
