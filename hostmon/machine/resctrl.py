"""What the processor lets one divide and watch: cache ways and memory bandwidth.

Source: the kernel's Documentation/arch/x86/resctrl.rst (the ``info`` folder).
"""

import re
from pathlib import Path

import msgspec

from hostmon.machine.files import read_int, read_text, read_unsigned
from hostmon.machine.topology import BandwidthNode, CacheBank, Monitor

_CACHE = re.compile(r"L([0-9])(CODE|DATA|)")
_KINDS = {"": "both", "CODE": "code", "DATA": "data"}


class CacheDivision(msgspec.Struct, frozen=True):
    """How caches of one level are divided: ``bits`` parts, at least ``minimum_bits`` together."""

    level: int
    kind: str
    bits: int
    minimum_bits: int
    allocations: int


class BandwidthDivision(msgspec.Struct, frozen=True):
    """How memory bandwidth is divided, in per cent."""

    granularity: int
    minimum: int
    allocations: int


class ResourceControl(msgspec.Struct, frozen=True):
    """All of it; empty on a host without resctrl."""

    caches: tuple[CacheDivision, ...] = ()
    bandwidth: BandwidthDivision | None = None
    cache_monitor: Monitor | None = None
    bandwidth_monitor: Monitor | None = None


def read_resctrl(root: Path) -> ResourceControl:
    """The host's resource control, from where the resctrl filesystem is mounted."""
    info = root / "info"
    cache_monitor, bandwidth_monitor = read_monitors(info / "L3_MON")
    return ResourceControl(
        caches=read_divisions(info),
        bandwidth=read_bandwidth(info / "MB"),
        cache_monitor=cache_monitor,
        bandwidth_monitor=bandwidth_monitor,
    )


def read_divisions(info: Path) -> tuple[CacheDivision, ...]:
    """Every divisible cache level; code and data apart where they are divided apart."""
    try:
        names = sorted(entry.name for entry in info.iterdir())
    except OSError:
        return ()
    matches = [match for match in map(_CACHE.fullmatch, names) if match]
    return tuple(
        CacheDivision(
            level=int(match[1]),
            kind=_KINDS[match[2]],
            bits=(read_int(info / match[0] / "cbm_mask", 16) or 0).bit_count(),
            minimum_bits=read_unsigned(info / match[0] / "min_cbm_bits"),
            allocations=read_unsigned(info / match[0] / "num_closids"),
        )
        for match in matches
    )


def read_bandwidth(folder: Path) -> BandwidthDivision | None:
    """The division of memory bandwidth, None where there is none."""
    granularity = read_int(folder / "bandwidth_gran")
    if granularity is None:
        return None
    return BandwidthDivision(
        granularity=granularity,
        minimum=read_unsigned(folder / "min_bandwidth"),
        allocations=read_unsigned(folder / "num_closids"),
    )


def read_monitors(folder: Path) -> tuple[Monitor | None, Monitor | None]:
    """What can be watched of the cache (features llc_…) and of the bandwidth (mbm_…)."""
    features = (read_text(folder / "mon_features") or "").split()
    maximum = read_unsigned(folder / "num_rmids")
    cache = tuple(name for name in features if name.startswith("llc_"))
    bandwidth = tuple(name for name in features if name.startswith("mbm_"))
    threshold = read_int(folder / "max_threshold_occupancy")
    return (
        Monitor(maximum, cache, level=3, reuse_threshold=threshold) if cache else None,
        Monitor(maximum, bandwidth) if bandwidth else None,
    )


def divide(
    division: BandwidthDivision | None, caches: tuple[CacheBank, ...]
) -> tuple[BandwidthNode, ...]:
    """Bandwidth is divided by the last level of cache: one node a bank."""
    if division is None or not caches:
        return ()
    last = max(bank.level for bank in caches)
    return tuple(
        BandwidthNode(
            id=bank.id,
            cpus=bank.cpus,
            granularity=division.granularity,
            minimum=division.minimum,
            allocations=division.allocations,
        )
        for bank in caches
        if bank.level == last
    )
