"""A driver's class, imported into this process by its entry point, and what the class declares."""

from typing import Any

import msgspec
from stevedore.driver import DriverManager
from stevedore.exception import NoMatches

from hostmon.driver.options import OPTION_NAMES, split
from hostmon.driver.plugin import Plugin
from hostmon.driver.points import DRIVERS, Point, point_named
from hostmon.driver.versions import DEPRECATIONS, negotiate
from hostmon.errors import DriverError, SettingsError
from hostmon.loader.entries import DriverEntry
from hostmon.typed import convert


def load(name: str, point: Point = DRIVERS) -> Any:
    """The class; raises DriverError with the reason for which it can't be used."""
    # stevedore keeps a group's list for the life of the process, whatever sys.path is by then.
    DriverManager.ENTRY_POINT_CACHE.pop(point.group, None)
    base = base_of(point)
    try:
        plugin: object = DriverManager(
            point.group,
            name,
            invoke_on_load=False,
            on_load_failure_callback=_raise,
        ).driver
    except NoMatches:
        raise DriverError(
            f"driver {name!r} was not installed when this process started; "
            "restart the agent, or give isolation = 'process'"
        ) from None
    if not (isinstance(plugin, type) and issubclass(plugin, base)):
        raise DriverError(f"its entry point is no subclass of {point.base_path.replace(':', '.')}")
    negotiate(*versions_of(plugin))
    check_declaration(plugin, point)
    return plugin


def base_of(point: Point) -> Any:
    """The base class of a point's drivers; raises DriverError where it can't be imported here."""
    try:
        return point.base
    except ImportError as error:
        raise DriverError(f"the plug point {point.group} can't be used here: {error}") from None


def _raise(_manager: object, _point: object, error: BaseException) -> None:
    raise DriverError(f"can't be imported: {type(error).__name__}: {error}") from error


def versions_of(kind: type[Plugin]) -> tuple[int, int]:
    """The oldest and newest API version that a class states; raises DriverError if it does not."""
    versions: Any = getattr(kind, "api_versions", None)
    if versions is None and isinstance(one := getattr(kind, "api_version", None), int):
        versions = (one, one)
    try:
        return msgspec.convert(versions, tuple[int, int])
    except msgspec.ValidationError:
        raise DriverError(
            "states no API versions; its author must give api_versions = (OLDEST, NEWEST)"
        ) from None


def check_declaration(kind: type[Plugin], point: Point = DRIVERS) -> None:
    """Raise DriverError where a class declares what can't be: kinds, settings, capabilities."""
    declared: object = getattr(kind, "capabilities", None)
    if not isinstance(declared, point.capabilities):
        raise DriverError(f"declares no capabilities; give {point.capabilities.__name__}(...)")
    try:
        msgspec.convert(msgspec.to_builtins(declared), type(declared))
    except (TypeError, msgspec.ValidationError) as error:
        raise DriverError(f"declares capabilities that are none: {error}") from None
    if fault := declared.fault():
        raise DriverError(fault)
    if kind.__abstractmethods__:
        missing = ", ".join(sorted(kind.__abstractmethods__))
        raise DriverError(f"does not implement {missing}")
    settings: object = kind.settings_type
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        raise DriverError("declares a settings_type that is no msgspec.Struct")
    taken = [name for name in settings.__struct_fields__ if name in OPTION_NAMES]
    if taken and point.supervised:
        raise DriverError(f"declares the setting {taken[0]!r}, which is the agent's own")


def own_settings(
    name: str, kind: type[Plugin], section: dict[str, Any], point: Point = DRIVERS
) -> Any:
    """A driver's own settings out of its section; raises SettingsError."""
    own = split(section)[1] if point.supervised else section
    return convert(own, kind.settings_type, f"{point.name}.{name}")


def described(entry: DriverEntry, section: dict[str, Any]) -> DriverEntry:
    """An entry completed by importing the driver here; what it is refused for stands in it."""
    if entry.refusal:
        return entry
    point = point_named(entry.point)
    try:
        kind = load(entry.name, point)
    except DriverError as error:
        return msgspec.structs.replace(entry, refusal=str(error))
    settings_error = ""
    try:
        own_settings(entry.name, kind, section, point)
    except SettingsError as error:
        settings_error = str(error)
    return msgspec.structs.replace(
        entry,
        summary=(kind.__doc__ or "").strip().partition("\n")[0],
        api_version=negotiate(*versions_of(kind)),
        capabilities=kind.capabilities,
        settings=defaults(kind.settings_type),
        settings_error=settings_error,
        deprecations=deprecations(kind),
    )


def defaults(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Each key of a settings type with its default; None for one that must be given."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            value = field.default_factory()
        known = None if value is msgspec.NODEFAULT else value
        found[field.encode_name] = msgspec.to_builtins(known, enc_hook=str)
    return found


def deprecations(kind: type[Plugin]) -> tuple[str, ...]:
    """What a class uses of an older API, with what replaces it."""
    used = {
        "api_version": "api_version" in vars(kind),
        "capabilities.kind": getattr(kind.capabilities, "kind", None) is not None,
    }
    return tuple(str(one) for one in DEPRECATIONS if used[one.name])
