"""``hostmon config``: check a configuration, or show the one in force."""

import argparse
from datetime import date, datetime, time
from typing import Any

import msgspec

from hostmon.driver.points import VIF, VIRT, VOLUME, Point
from hostmon.errors import DriverError, SettingsError
from hostmon.loader import check_settings, checked_options, find_drivers
from hostmon.metrics.choice import check_metrics
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.scheduler.settings import scheduler_settings
from hostmon.settings import SYSTEM_CONFIG, AgentSettings, Settings, config_path
from hostmon.settings import load as load_settings
from hostmon.toml import toml_lines


def run(options: argparse.Namespace) -> int:
    """Check, and say so; or show."""
    path = config_path(options.file)
    if path is None and options.action == "check":
        raise SettingsError(f"config check: name a FILE; there is no {SYSTEM_CONFIG}")
    settings = load_settings(path)
    check_metrics(settings.metrics, str(path))
    check_drivers(settings, str(path))
    check_scheduler(settings, str(path))
    if options.action == "check":
        print(f"{path}: good")
    elif options.json:
        print(msgspec.json.encode(settings).decode())
    else:
        tree = msgspec.to_builtins(settings, builtin_types=(date, datetime, time))
        print("\n".join(toml_lines(tree)))
    return 0


def check_drivers(settings: Settings, source: str) -> None:
    """Check each driver's name and its own settings; raises SettingsError."""
    try:
        check_point(VIRT, settings.virt, settings.agent.virt)
        # The default needs libvirt, which not every installation has: it is not asked for.
        named_vif = settings.agent.vif if settings.agent.vif != AgentSettings().vif else ""
        check_point(VIF, settings.vif, named_vif)
        check_point(VOLUME, settings.volume)
        entries = find_drivers((*settings.agent.drivers, *settings.drivers), settings.drivers)
        for entry in entries.values():
            if entry.refusal:
                raise DriverError(f"driver {entry.name!r} is refused: {entry.refusal}")
            checked_options(entry.name, settings.drivers.get(entry.name, {}))
            check_settings(entry)
    except (DriverError, SettingsError) as error:
        raise SettingsError(f"{source}: {error}") from None


def check_scheduler(settings: Settings, source: str) -> None:
    """Check the scheduler's section, and that what it names is installed."""
    if settings.scheduler:
        scheduler = scheduler_settings(settings.scheduler, source)
        filters_named(scheduler.filters)
        weighers_named(scheduler.weighers)


def check_point(point: Point, sections: dict[str, dict[str, Any]], chosen: str = "") -> None:
    """Check one point's sections, and that the driver chosen for it can be used."""
    names = dict.fromkeys((*filter(None, (chosen,)), *sections))
    for entry in find_drivers(names, sections, point).values():
        if entry.refusal and entry.name == chosen:
            raise DriverError(f"{point.name} driver {chosen!r} is refused: {entry.refusal}")
        check_settings(entry)
