"""A processor's model, speed and identity from /proc/cpuinfo, in each architecture's own way.

Source: the kernel's arch/*/kernel (show_cpuinfo); which lines count is as in libvirt's virHostCPU.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from hostmon.machine.files import read_text

# Architectures by the prefix of their machine name, with the line that tells the clock.
_CLOCKS = {
    "x86_64": "cpu MHz",
    "i686": "cpu MHz",
    "ppc": "clock",
    "s390": "cpu MHz dynamic",
    "loongarch": "CPU MHz",
}
_MHZ = re.compile(r"([0-9]{1,9})(?=[.\s]|MHz|$)")


class Processor(msgspec.Struct, frozen=True):
    """The host's processor; ``signature`` changes with the model, its stepping or its facilities.

    ``mhz`` is the clock of the processor listed last, 0 where the kernel does not tell.
    """

    model: str = ""
    mhz: int = 0
    signature: str = ""


def read_processor(path: Path, arch: str) -> Processor:
    """The processor that a cpuinfo file describes."""
    pairs = list(lines(read_text(path) or ""))
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return Processor(
        model=model(first, arch), mhz=clock(pairs, arch), signature=signature(first, arch)
    )


def lines(text: str) -> Iterator[tuple[str, str]]:
    """Every ``key : value`` of the file, in order; inner spaces of a value are its own."""
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip(), value.strip()


def clock(pairs: list[tuple[str, str]], arch: str) -> int:
    """MHz without decimals. Clocks vary by processor and moment: the last line counts."""
    key = next((key for prefix, key in _CLOCKS.items() if arch.startswith(prefix)), None)
    mhz = 0
    for name, value in pairs:
        match = _MHZ.match(value) if name == key else None
        if match:
            mhz = int(match[1])
    return mhz


def model(first: dict[str, str], arch: str) -> str:
    """The model's name for people."""
    if arch.startswith("ppc"):
        return first.get("cpu", "")
    if arch.startswith("s390"):
        machine = re.search(r"machine\s*=\s*(\w+)", first.get("processor 0", ""))
        return f"{first.get('vendor_id', '')} {machine[1] if machine else ''}".strip()
    return next(
        (
            first[key]
            for key in ("model name", "Model Name", "Processor", "cpu model")
            if key in first
        ),
        "",
    )


def signature(first: dict[str, str], arch: str) -> str:
    """What tells this processor's abilities apart, empty where cpuinfo lacks a part of it."""
    try:
        if arch in {"x86_64", "i686"}:
            return (
                f"{first['vendor_id']}, {first['model name']}, family: {first['cpu family']}, "
                f"model: {first['model']}, stepping: {first['stepping']}"
            )
        if arch.startswith("ppc64"):
            return f"{first['cpu']}, rev {first['revision']}"
        if arch.startswith("s390"):
            return (
                f"{first['vendor_id']}, {first['processor 0']}, facilities: {first['facilities']}"
            )
    except KeyError:
        pass
    return ""
