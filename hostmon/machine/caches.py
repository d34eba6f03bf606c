"""A host's last-level caches, and by what steps each may be divided.

Source: the kernel's Documentation/ABI/testing/sysfs-devices-system-cpu (cache/index*). Only levels
from 3 up are told, as in libvirt's capabilities document.
"""

import re
from pathlib import Path

from hostmon.machine.files import Roots, numbered, read_ids, read_int, read_text
from hostmon.machine.resctrl import CacheDivision, ResourceControl
from hostmon.machine.topology import CacheBank, CacheControl

MIN_LEVEL = 3
KINDS = {"Unified": "both", "Instruction": "code", "Data": "data"}
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SIZE = re.compile(r"([0-9]{1,12})([KMG]?)")


def read_caches(
    roots: Roots, cpus: tuple[int, ...], control: ResourceControl
) -> tuple[CacheBank, ...]:
    """Every cache bank of level 3 or more that an online processor uses, by level and id."""
    banks: dict[tuple[int, int, str], CacheBank] = {}
    for cpu in cpus:
        folder = roots.system / f"cpu/cpu{cpu}/cache"
        for index in numbered(folder, "index"):
            bank = read_bank(folder / f"index{index}", cpu, control)
            if bank is not None:
                banks.setdefault((bank.level, bank.id, bank.kind), bank)
    return tuple(banks[key] for key in sorted(banks))


def read_bank(folder: Path, cpu: int, control: ResourceControl) -> CacheBank | None:
    """One cache as one processor sees it, None below level 3 or where a file makes no sense."""
    level = read_int(folder / "level")
    kind = KINDS.get((read_text(folder / "type") or "").strip())
    size = parse_size((read_text(folder / "size") or "").strip())
    if level is None or level < MIN_LEVEL or kind is None or size is None:
        return None
    cpus = read_ids(folder / "shared_cpu_list") or (cpu,)
    # Kernels before 4.11 number no banks; the first processor of each does as well.
    number = read_int(folder / "id")
    return CacheBank(
        id=cpus[0] if number is None else number,
        level=level,
        kind=kind,
        size=size,
        cpus=cpus,
        controls=tuple(
            scaled(division, size)
            for division in control.caches
            if division.level == level and division.bits
        ),
    )


def parse_size(text: str) -> int | None:
    """A cache's size such as 15360K, in bytes."""
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def scaled(division: CacheDivision, size: int) -> CacheControl:
    """A division in bits of a mask becomes one in bytes of this bank."""
    granularity = size // division.bits
    return CacheControl(
        kind=division.kind,
        granularity=granularity,
        minimum=granularity * max(1, division.minimum_bits),
        allocations=division.allocations,
    )
