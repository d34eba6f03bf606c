"""What one look after the image cache found. Types only."""

from typing import Literal

import msgspec

from hostmon.images.backing import State


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the directory; sizes in bytes, ages in seconds.

    ``unproved`` is one that nobody is known to use while some chain is not known to its end;
    ``reason`` says why it is kept. ``fault`` is what is wrong with its content.
    """

    path: str
    size: int
    state: Literal["used", "unused", "unproved", "removed"] = "unproved"
    users: tuple[str, ...] = ()
    age: float = 0.0
    reason: str = ""
    fault: str = ""


class BrokenChain(msgspec.Struct, frozen=True, kw_only=True):
    """A chain that loops, lacks a file or can't be read; ``guest`` is whose, or a folder's name."""

    guest: str
    path: str
    state: State
    reason: str


class CacheReport(msgspec.Struct, frozen=True):
    """Everything. ``doubt`` says why nothing could be proved unused, empty where all could."""

    images: tuple[BaseImage, ...]
    broken: tuple[BrokenChain, ...] = ()
    doubt: str = ""

    def paths(self, *states: str) -> tuple[str, ...]:
        """The files that are in one of these states."""
        return tuple(image.path for image in self.images if image.state in states)

    @property
    def freed(self) -> int:
        """The bytes of what was removed."""
        return sum(image.size for image in self.images if image.state == "removed")

    @property
    def reported(self) -> tuple[str, ...]:
        """What somebody should look at: a line for each chain and each file."""
        chains = [
            f"{one.guest}: chain of {one.path} is {one.state}: {one.reason}" for one in self.broken
        ]
        kept = [
            f"{one.path}: {one.reason}"
            for one in self.images
            if one.reason and one.reason != self.doubt
        ]
        faults = [f"{one.path}: {one.fault}" for one in self.images if one.fault]
        doubt = [f"nothing is removed: {self.doubt}"] if self.doubt else []
        return (*chains, *kept, *faults, *doubt)
