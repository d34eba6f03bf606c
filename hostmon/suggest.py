"""The nearest of the names that exist, for messages about one that does not."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(name: str, known: Iterable[str]) -> str:
    """``did you mean X? ``, or nothing when no known name is near."""
    near = get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}? " if near else ""
