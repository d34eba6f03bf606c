"""The nearest of the names that exist, for messages about one that does not."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """The nearest known name, empty when none is near."""
    return next(iter(get_close_matches(name, list(known), 1)), "")


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean X? ``, or nothing when no known name is near."""
    near = nearest(name, known)
    return f"did you mean {near}? " if near else ""
