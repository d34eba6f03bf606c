"""How single values are written in libvirt's XML: one kind for each way of writing.

Reading takes what libvirt takes and refuses the rest with :class:`ValueError`; enumerations are
text, because every libvirt release adds to them and the schema already knows them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# No list of CPUs is longer than this; libvirt's own bitmaps end at 4,096 CPUs a cell.
MAX_CPU = 1 << 16


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A way of writing values: ``name`` is what a message calls it, ``example`` a valid value."""

    name: str
    read: Callable[[str], T]
    write: Callable[[T], str]
    example: T


def _whole(text: str) -> int:
    """A whole number as C's strtol reads it with base 0: decimal, 0x hexadecimal, 0 octal."""
    digits = text.strip()
    if "_" in digits or not digits.isascii():
        raise ValueError(text)
    plain = digits.lstrip("+-")
    if len(plain) > 1 and plain[0] == "0" and plain.isdigit():
        return int(digits, 8)
    return int(digits, 0)


def _decimal(text: str) -> int:
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return int(text)


def _plain(value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(value)
    return str(value)


def _text(value: str) -> str:
    if not isinstance(value, str):
        raise ValueError(value)  # one error for every value that does not fit
    return value


def hexadecimal(digits: int) -> Kind[int]:
    """Numbers libvirt writes as ``0x`` and at least that many digits."""

    def write(value: int) -> str:
        return f"0x{int(_plain(value)):0{digits}x}"

    return Kind("a number such as " + write(10), _whole, write, 10)


def either(yes: str, no: str) -> Kind[bool]:
    """Two words that stand for true and false."""

    def read(text: str) -> bool:
        if text not in (yes, no):
            raise ValueError(text)
        return text == yes

    def write(value: bool) -> str:
        if not isinstance(value, bool):
            raise ValueError(value)
        return yes if value else no

    return Kind(f"{yes} or {no}", read, write, True)


TEXT: Kind[str] = Kind("text", str, _text, "text")
INT: Kind[int] = Kind("a whole number", _decimal, _plain, 4)
INT_OR_HEX: Kind[int] = Kind("a whole number", _whole, _plain, 4)
HEX1, HEX2, HEX4 = hexadecimal(1), hexadecimal(2), hexadecimal(4)
YES_NO = either("yes", "no")
ON_OFF = either("on", "off")

# Units as libvirt's virScaleInteger knows them; a bare number is in the unit its element defaults
# to, most often KiB. https://libvirt.org/formatdomain.html#memory-allocation
_STEPS = "KMGTPE"
UNITS: dict[str, int] = {"": 1, "b": 1, "byte": 1, "bytes": 1}
for _power, _letter in enumerate(_STEPS, 1):
    UNITS[_letter.lower()] = UNITS[f"{_letter}iB".lower()] = 1 << (10 * _power)
    UNITS[f"{_letter}B".lower()] = 1000**_power


def cpus(text: str) -> frozenset[int]:
    """The CPUs (or NUMA nodes) that a list such as ``0-3,^2,8`` names.

    Raises ValueError for anything that libvirt's virBitmapParse would not take, and for a list that
    names more than there can be.
    """
    found: set[int] = set()
    room = 2 * MAX_CPU
    for part in text.split(","):
        word = part.strip()
        if word.startswith("^"):
            found.discard(_decimal(word[1:]))
            continue
        first, dash, last = word.partition("-")
        low, high = _decimal(first), _decimal(last if dash else first)
        room -= max(1, high - low + 1)
        if not 0 <= low <= high < MAX_CPU or room < 0:
            raise ValueError(text)
        found.update(range(low, high + 1))
    return frozenset(found)


def cpu_list(numbers: frozenset[int]) -> str:
    """The shortest list that :func:`cpus` reads as these numbers: ``0-3,8``."""
    parts: list[str] = []
    start: int | None = None
    for number in sorted(numbers):
        start = number if start is None else start
        if number + 1 not in numbers:
            parts.append(str(start) if start == number else f"{start}-{number}")
            start = None
    return ",".join(parts)
