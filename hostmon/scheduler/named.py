"""Filters and weighers by the names under which distributions offer them.

Looked up by stevedore in the groups `hostmon.filters` and `hostmon.weighers`; a class path is no
name. Nothing else of the scheduler needs stevedore.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any

from hostmon.errors import SettingsError
from hostmon.scheduler.contract import Filter, Weigher
from hostmon.suggest import suggestion

FILTERS = "hostmon.filters"
WEIGHERS = "hostmon.weighers"
DEFAULT_FILTERS = ("vcpus", "memory", "disk", "hugepages", "traits", "anti_affinity")
DEFAULT_WEIGHERS = {"memory": 1.0, "vcpus": 1.0}


def filters_named(names: Iterable[str] = DEFAULT_FILTERS) -> dict[str, Filter]:
    """The filters of these names, in this order; raises SettingsError for one that is none."""
    return {name: loaded(FILTERS, name, Filter) for name in names}


def weighers_named(
    multipliers: Mapping[str, float] = DEFAULT_WEIGHERS,
) -> dict[str, tuple[Weigher, float]]:
    """The weighers of these names, with their multipliers."""
    return {
        name: (loaded(WEIGHERS, name, Weigher), multiplier)
        for name, multiplier in multipliers.items()
    }


def installed(group: str) -> list[str]:
    """The names that a group offers, sorted."""
    return sorted({found.name for found in entry_points(group=group)})


def loaded(group: str, name: str, base: Any) -> Any:
    """One of them, made; raises SettingsError with what there is instead."""
    names = installed(group)
    if name not in names:
        raise SettingsError(
            f"{group}: {name!r} is not installed; {suggestion(name, names)}"
            f"installed: {', '.join(names) or 'none'}"
        )
    try:
        from stevedore.driver import DriverManager
    except ImportError:
        raise SettingsError(
            f"{group}: {name!r} is looked up by stevedore, which is not installed; "
            "install hostmon[scheduler]"
        ) from None
    kind: object = DriverManager(group, name, on_load_failure_callback=_raise).driver
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise SettingsError(f"{group}: {name!r} is no {base.__name__} of hostmon.scheduler")
    try:
        return kind()
    except Exception as error:
        raise SettingsError(f"{group}: {name!r} can't be made: {error}") from None


def _raise(_manager: object, point: object, error: BaseException) -> None:
    name = getattr(point, "name", point)
    raise SettingsError(f"{name!r} can't be imported: {type(error).__name__}: {error}") from error
