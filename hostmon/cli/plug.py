"""``hostmon plug`` and ``hostmon unplug``: an interface or a volume into a guest, and out again.

Opens libvirt read-write, which is as good as root; no agent needs to run.
"""

import argparse
from typing import Any

import msgspec

from hostmon.cli.guest import find
from hostmon.cli.reach import check_option_uri
from hostmon.driver.points import VIF, VOLUME, Point
from hostmon.errors import SettingsError
from hostmon.host import Host
from hostmon.points import opened
from hostmon.points.interfaces import AnyVif
from hostmon.points.volumes import AnyVolume
from hostmon.settings import Settings, config_path, load
from hostmon.typed import explain

POINTS: dict[str, tuple[Point, Any]] = {"vif": (VIF, AnyVif), "volume": (VOLUME, AnyVolume)}


def run(options: argparse.Namespace) -> int:
    """Plug, and print what the guest has now; or unplug."""
    settings = load(config_path(options.config))
    check_option_uri(options.uri)
    point, kinds = POINTS[options.what]
    wanted = request(options.what, options.type, options.values, kinds)
    name = options.driver or driver_for(point, options.type, settings)
    with Host(options.uri, read_write=True) as host:
        guest = find(host, options.guest)
        with opened(point, name, host, section(point, name, settings)) as driver:
            if options.out:
                driver.unplug(guest, wanted)
            else:
                print(driver.plug(guest, wanted).to_xml(pretty=True))
    return 0


def driver_for(point: Point, type_: str, settings: Settings) -> str:
    """The vif driver that is configured; a volume's driver has the name of its type."""
    return settings.agent.vif if point is VIF else type_


def section(point: Point, name: str, settings: Settings) -> dict[str, Any]:
    """The driver's own settings."""
    sections = settings.vif if point is VIF else settings.volume
    return sections.get(name, {})


def request(what: str, type_: str, pairs: list[str], kinds: Any) -> Any:
    """The vif or volume that the words describe; raises SettingsError for one that can't be."""
    tree: dict[str, Any] = {"type": type_}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(f"{what} {pair!r}: write KEY=VALUE")
        tree[key] = value_of(text)
    try:
        chosen = next(kind for kind in kinds.__args__ if kind.__struct_config__.tag == type_)
    except StopIteration:
        there = ", ".join(str(kind.__struct_config__.tag) for kind in kinds.__args__)
        raise SettingsError(f"{what} of type {type_!r}: there are {there}") from None
    known = [name for name in chosen.__struct_fields__ if name != "v"]
    if unknown := [key for key in tree if key not in {*known, "type"}]:
        raise SettingsError(f"{what}: {unknown[0]!r} is no key; {type_} has {', '.join(known)}")
    try:
        return msgspec.convert(tree, chosen, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{what}: {explain(str(error), tree, chosen)}") from None


def value_of(text: str) -> Any:
    """A value as written; lists and tables are JSON."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise SettingsError(f"{text!r} is no JSON: {error}") from None
