"""The driver loader: from a short name in the configuration to a driver's class.

Owns the look-up through entry points (stevedore) and its refusals; never takes a class path.
"""

import msgspec
from stevedore import ExtensionManager

from hostmon.driver import API_VERSION, ENTRY_POINT_GROUP, Driver
from hostmon.errors import DriverError
from hostmon.suggest import suggestion


class DriverEntry(msgspec.Struct, frozen=True):
    """One installed driver: its name, the distribution it comes from, and why it can't be used."""

    name: str
    distribution: str
    summary: str
    refusal: str
    driver: type[Driver] | None


def find_drivers() -> dict[str, DriverEntry]:
    """Every driver that is installed, by name; a broken one carries its refusal."""
    failures: dict[str, str] = {}

    def failed(_manager: object, entry_point: object, error: BaseException) -> None:
        name = getattr(entry_point, "name", str(entry_point))
        failures[name] = f"can't be imported: {type(error).__name__}: {error}"

    manager: ExtensionManager[object] = ExtensionManager(
        ENTRY_POINT_GROUP, invoke_on_load=False, on_load_failure_callback=failed
    )
    entries: dict[str, DriverEntry] = {}
    for extension in manager:
        entry = describe(extension.name, extension.plugin, extension.entry_point)
        if extension.name in entries:
            both = f"{entries[extension.name].distribution} and {entry.distribution}"
            entry = msgspec.structs.replace(
                entry, driver=None, refusal=f"two distributions offer this name: {both}"
            )
        entries[extension.name] = entry
    for name, refusal in failures.items():
        entries[name] = DriverEntry(name, "", "", refusal, None)
    return dict(sorted(entries.items()))


def describe(name: str, plugin: object, entry_point: object) -> DriverEntry:
    """One entry, refused with the reason where it does not meet the contract."""
    dist = getattr(entry_point, "dist", None)
    distribution = f"{dist.name} {dist.version}" if dist is not None else ""
    if not (isinstance(plugin, type) and issubclass(plugin, Driver)):
        return DriverEntry(name, distribution, "", "is no subclass of hostmon.driver.Driver", None)
    summary = (plugin.__doc__ or "").strip().partition("\n")[0]
    if plugin.api_version != API_VERSION:
        refusal = f"speaks version {plugin.api_version} of the driver API, this is {API_VERSION}"
        return DriverEntry(name, distribution, summary, refusal, None)
    return DriverEntry(name, distribution, summary, "", plugin)


def load(name: str, entries: dict[str, DriverEntry] | None = None) -> type[Driver]:
    """The class of one driver; raises DriverError with what there is instead."""
    entries = find_drivers() if entries is None else entries
    entry = entries.get(name)
    if entry is None:
        known = ", ".join(entries) or "none"
        raise DriverError(
            f"driver {name!r} is not installed; {suggestion(name, entries)}installed: {known}"
        )
    if entry.driver is None:
        raise DriverError(f"driver {name!r} {entry.refusal}")
    return entry.driver
