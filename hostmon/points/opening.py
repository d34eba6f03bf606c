"""A driver of one of these points, loaded by its name, held to its contract, ready for calls.

The name that the caller was configured with is the one that is loaded: nothing here chooses.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hostmon.driver.contract import held, made
from hostmon.driver.points import Point
from hostmon.errors import DriverError
from hostmon.host import Host
from hostmon.loader import installed, load, named, own_settings
from hostmon.points.context import PointContext


@contextmanager
def opened(
    point: Point, name: str, host: Host, section: Mapping[str, Any] | None = None
) -> Iterator[Any]:
    """A started driver, of the point's base class; stopped at the end.

    ``section`` are its own settings. Raises DriverError for a name that is not installed or can't
    be used, SettingsError for wrong settings; a call that breaks the contract raises ContractError.
    """
    entry = named(name, installed(point), point)
    if entry.refusal:
        raise DriverError(f"driver {name!r} of {point.group} is refused: {entry.refusal}")
    try:
        kind = load(name, point)
    except DriverError as error:
        raise DriverError(f"driver {name!r} of {point.group} is refused: {error}") from None
    settings = own_settings(name, kind, dict(section or {}), point)
    driver = held(name, made(name, kind), point.base)
    try:
        driver.start(PointContext(host=host, settings=settings))
        yield driver
    finally:
        driver.stop()
