"""Plain values as typed ones, such as settings; what is wrong with them as key, value and remedy.

Knows no type itself. A message is one line.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec

from hostmon.errors import SettingsError
from hostmon.suggest import suggestion
from hostmon.toml import toml_key


def convert(tree: dict[str, Any], kind: type[Any], source: str) -> Any:
    """A tree of plain values as typed settings; ``source`` names where it came from.

    Raises SettingsError, also for a number that is not finite: nothing that is set may be.
    """
    for key, value in numbers(tree):
        if not math.isfinite(value):
            raise SettingsError(f"{source}: {key} = {value!r}: give a finite number")
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {explain(str(error), tree, kind)}") from None


_AT = re.compile(r"(?P<what>.*) - at `\$?\.?(?P<path>[^`]*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_ENTRY = "[...]"
_LONGEST_VALUE = 200


def explain(message: str, tree: dict[str, Any], kind: type[Any], above: str = "") -> str:
    """msgspec's message as key, value and remedy; the keys are below ``above``."""
    match = _AT.fullmatch(message)
    what, path = (match["what"], match["path"]) if match else (message, "")
    if _ENTRY in path:
        return explain_entry(message, tree, kind, above)
    key = ".".join(filter(None, (above, path)))
    if unknown := _UNKNOWN.fullmatch(what):
        known = list(field_types(type_at(kind, path)))
        remedy = suggestion(unknown["name"], known) or f"known keys: {', '.join(known)}"
        return f"{below(key, unknown['name'])}: unknown key; {remedy.strip()}"
    if missing := _MISSING.fullmatch(what):
        return f"{below(key, missing['name'])}: is missing; give it"
    if what.startswith("Expected"):
        remedy = f"{what[0].lower()}{what[1:].replace('`', '')}"
        return f"{key} = {shown(value_at(tree, path))}: {remedy}"
    if what.startswith("Invalid enum value"):
        allowed = ", ".join(choices(type_at(kind, path)))
        return f"{key} = {shown(value_at(tree, path))}: give one of {allowed}"
    return f"{key}.{what}" if key else what


def explain_entry(message: str, tree: dict[str, Any], kind: type[Any], above: str) -> str:
    """What is wrong with an entry of a table whose keys are free: msgspec does not say which."""
    match = _AT.fullmatch(message)
    path = match["path"].partition(_ENTRY)[0] if match else ""
    table = ".".join(filter(None, (above, path)))
    entry_type = get_args(type_at(kind, path))[-1]
    for name, value in value_at(tree, path).items():
        try:
            msgspec.convert(value, entry_type)
        except msgspec.ValidationError as error:
            return explain(str(error), value, entry_type, below(table, name))
    return message


def below(table: str, name: str) -> str:
    """A key of a table as TOML writes it."""
    return f"{table}.{toml_key(name)}" if table else toml_key(name)


def shown(value: Any) -> str:
    """A value, not all of a long one."""
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def field_types(kind: type[Any]) -> dict[str, Any]:
    """The keys of a section, with their types."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def type_at(kind: Any, path: str) -> Any:
    """The type that a path of names and numbers leads to."""
    for part in re.findall(r"[^.\[\]]+", path):
        items = get_origin(kind) in {list, tuple}
        kind = get_args(kind)[0] if items else field_types(kind)[part]
    return kind


def numbers(tree: Any, key: str = "") -> Iterator[tuple[str, float]]:
    """Each number with a fraction in a tree, with its key."""
    if isinstance(tree, float):
        yield key, tree
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield from numbers(value, below(key, name))
    elif isinstance(tree, list | tuple):
        for index, value in enumerate(tree):
            yield from numbers(value, f"{key}[{index}]")


def choices(kind: Any) -> Iterator[str]:
    """The values that a type allows, alone or beside others."""
    for part in get_args(kind):
        if get_origin(kind) is Literal:
            yield str(part)
        else:
            yield from choices(part)


def value_at(tree: Any, path: str) -> Any:
    """The value that a path of msgspec's names."""
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(tree, list | tuple) and part.isdigit():
            tree = tree[int(part)]
        elif isinstance(tree, dict):
            tree = tree.get(part, tree)
    return tree
