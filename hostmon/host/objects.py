"""What libvirt keeps besides guests, as lists show it: networks, pools, filters, secrets."""

import uuid as uuidlib
from collections.abc import Callable
from typing import Any

import msgspec


class HostObject(msgspec.Struct, frozen=True):
    """One of libvirt's objects; its description is asked for by its name or uuid."""

    name: str
    uuid: uuidlib.UUID
    active: bool = True
    persistent: bool = True
    autostart: bool = False


def described(found: Any) -> HostObject:
    """What a network or a pool says of itself; others have no such states."""
    return HostObject(
        name=found.name(),
        uuid=uuidlib.UUID(bytes=found.UUID()),
        active=bool(found.isActive()),
        persistent=bool(found.isPersistent()),
        autostart=bool(found.autostart()),
    )


def look_up(
    name: str | uuidlib.UUID, by_name: Callable[[str], Any], by_uuid: Callable[[bytes], Any]
) -> Any:
    """The object of this name, or of this uuid."""
    return by_uuid(name.bytes) if isinstance(name, uuidlib.UUID) else by_name(name)
