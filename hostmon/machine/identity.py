"""What the machine says it is: maker, type and serial number, and its processors.

Read from the kernel alone, without dmidecode: /proc/sysinfo and /proc/cpuinfo on s390, the latter
on POWER and ARM, /sys/class/dmi/id elsewhere, where processors have no identity of their own.
Source: which line is which entry is as in libvirt's virSysinfoRead; the kernel's
Documentation/ABI/testing/sysfs-class-dmi. What the kernel does not tell is empty.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hostmon.machine.cpuinfo import lines
from hostmon.machine.files import HERE, Roots, read_text

DMI = Path("/sys/class/dmi/id")
LONGEST = 256
"""Characters of a name: an SMBIOS string has no more."""

_S390_PROCESSOR = re.compile(r"version = (\w+),\s*identification = (\w+),\s*machine = (\w+)")


class MachineIdentity(msgspec.Struct, frozen=True):
    """The machine as a whole: SMBIOS's table 1, or what stands for it."""

    manufacturer: str = ""
    product: str = ""
    version: str = ""
    serial: str = ""
    family: str = ""


class ProcessorIdentity(msgspec.Struct, frozen=True):
    """One processor as the firmware counts them; ``max_speed`` in MHz, 0 where it is not told."""

    socket: str = ""
    type: str = ""
    family: str = ""
    manufacturer: str = ""
    version: str = ""
    serial: str = ""
    max_speed: int = 0


def read_machine(
    roots: Roots = HERE, arch: str = os.uname().machine, dmi: Path = DMI
) -> MachineIdentity:
    """The machine; serial numbers are empty for whoever may not read them."""
    if arch.startswith("s390"):
        told = first_of(lines(read_text(roots.proc / "sysinfo") or ""))
        return MachineIdentity(
            manufacturer=told.get("Manufacturer", ""),
            family=told.get("Type", ""),
            serial=told.get("Sequence Code", ""),
        )
    if arch.startswith("ppc"):
        told = first_of(lines(read_text(roots.proc / "cpuinfo") or ""))
        return MachineIdentity(
            version=told.get("machine", ""),
            serial=told.get("model", ""),
            family=told.get("platform", ""),
        )
    return MachineIdentity(
        manufacturer=read_name(dmi / "sys_vendor"),
        product=read_name(dmi / "product_name"),
        version=read_name(dmi / "product_version"),
        serial=read_name(dmi / "product_serial"),
        family=read_name(dmi / "product_family"),
    )


def read_processors(
    roots: Roots = HERE, arch: str = os.uname().machine
) -> tuple[ProcessorIdentity, ...]:
    """The processors, in the kernel's order; none where it does not tell them apart."""
    pairs = list(lines(read_text(roots.proc / "cpuinfo") or ""))
    told = first_of(pairs)
    if arch.startswith("s390"):
        return s390_processors(pairs, told)
    numbers = [value for key, value in pairs if key == "processor"]
    if arch.startswith("ppc"):
        models = [value for key, value in pairs if key == "cpu"]
        revisions = [value for key, value in pairs if key == "revision"]
        return tuple(
            ProcessorIdentity(socket=number, type=model, version=revision)
            for number, model, revision in zip(numbers, models, revisions, strict=False)
        )
    if arch.startswith(("arm", "aarch64")):
        return tuple(
            ProcessorIdentity(socket=number, type=told.get("Processor", "")) for number in numbers
        )
    return ()


def s390_processors(
    pairs: list[tuple[str, str]], told: dict[str, str]
) -> tuple[ProcessorIdentity, ...]:
    """Each has a line of its own; clocks follow in sections, where the kernel tells them."""
    speed = told.get("cpu MHz static", "")
    found = []
    for key, value in pairs:
        match = _S390_PROCESSOR.match(value) if key.startswith("processor ") else None
        if match:
            version, serial, family = match.groups()
            found.append(
                ProcessorIdentity(
                    family=family,
                    manufacturer=told.get("vendor_id", ""),
                    version=version,
                    serial=serial,
                    max_speed=int(speed) if speed.isdigit() and len(speed) < 10 else 0,
                )
            )
    return tuple(found)


def first_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first value of each key."""
    found: dict[str, str] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def read_name(path: Path) -> str:
    """A file of one line."""
    text = read_text(path) or ""
    return text.split("\n", 1)[0].strip()[:LONGEST]
