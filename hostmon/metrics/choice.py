"""What an operator may choose of a page: a profile, families on or off, devices left out."""

from collections.abc import Collection, Iterator

from hostmon.errors import SettingsError
from hostmon.metrics.family import Metric, Scope
from hostmon.metrics.profiles import PROFILES, Profile
from hostmon.settings import MetricsSettings
from hostmon.suggest import suggestion

DEVICES = {
    "vcpu": (Scope.VCPU,),
    "disk": (Scope.DISK, Scope.DISK_INFO),
    "interface": (Scope.INTERFACE, Scope.INTERFACE_INFO),
}
"""The scopes that may be left out, by what they are of."""


def known_profile(name: str) -> Profile:
    """The profile of that name, or SettingsError."""
    if name not in PROFILES:
        raise SettingsError(f"metrics profile {name!r} is unknown: give one of {list(PROFILES)}")
    return PROFILES[name]


def choose(
    profile: Profile, on: Collection[str], off: Collection[str], without: Collection[str]
) -> tuple[Metric, ...]:
    """The families of a profile that are on; SettingsError for a name that no profile has."""
    names = {metric.name for each in PROFILES.values() for metric in each.metrics}
    for name in (*on, *off):
        if name not in names:
            hint = suggestion(name, names) or "docs/metrics.md lists them all"
            raise SettingsError(f"metric {name!r} is unknown: {hint.strip()}")
    for device in without:
        if device not in DEVICES:
            raise SettingsError(f"device {device!r} is unknown: give one of {list(DEVICES)}")
    left_out = {scope for device in without for scope in DEVICES[device]}
    return tuple(
        metric
        for metric in profile.metrics
        if metric.name not in off
        and metric.scope not in left_out
        and (metric.default or metric.name in on)
    )


def check_metrics(settings: MetricsSettings, source: str) -> None:
    """Raise SettingsError, naming ``source``, for what there is not."""
    try:
        profile = known_profile(settings.profile)
        choose(profile, settings.on, settings.off, settings.without)
    except SettingsError as error:
        raise SettingsError(f"{source}: metrics: {error}") from None


def any_shown(settings: MetricsSettings) -> Iterator[Metric]:
    """The families of every profile's page: a scrape may ask for any profile."""
    for profile in PROFILES.values():
        yield from choose(profile, settings.on, settings.off, settings.without)


def shown(columns: str, settings: MetricsSettings) -> bool:
    """Whether any profile's page has a family of the columns that begin like this."""
    return any(metric.column.startswith(columns) for metric in any_shown(settings))
