"""Numbers of classes and kinds, as events and answers carry them."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

Uint64 = Annotated[int, msgspec.Meta(ge=0)]


class ClassSequence(msgspec.Struct, frozen=True, array_like=True):
    """The last number that a class has given out."""

    name: str
    sequence: Uint64


class KindLoss(msgspec.Struct, frozen=True, array_like=True):
    """How many events of a kind are lost; a kind without a name is its number."""

    kind: str | int
    count: Uint64


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The last event of a class that somebody has kept, in one run of the agent."""

    class_: str
    epoch: int
    sequence: int


def by_class(numbers: Iterable[ClassSequence]) -> dict[str, int]:
    """The numbers by their class's name."""
    return {one.name: one.sequence for one in numbers}


def listed(numbers: dict[str, int]) -> tuple[ClassSequence, ...]:
    """The other way round."""
    return tuple(ClassSequence(name, number) for name, number in numbers.items())
