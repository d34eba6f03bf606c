"""A caller's choice among values that have names; a wrong one is told with those there are."""

from collections.abc import Mapping
from typing import TypeVar

from hostmon.errors import ArgumentError
from hostmon.suggest import suggestion

K = TypeVar("K")
V = TypeVar("V")


def chosen(what: str, value: K, choices: Mapping[K, V]) -> V:
    """What a value stands for; raises ArgumentError for one that is no choice."""
    try:
        return choices[value]
    except (KeyError, TypeError):
        near = suggestion(str(value), map(str, choices))
        names = ", ".join(map(str, choices))
        raise ArgumentError(f"{what} = {value!r}: {near}give one of {names}") from None
