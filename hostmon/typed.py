"""Plain values as typed ones, such as settings; what is wrong with them as key, value and remedy.

Knows no type itself. A message is one line.
"""

import re
from typing import Any, get_args, get_origin

import msgspec

from hostmon.errors import SettingsError
from hostmon.suggest import suggestion


def convert(tree: dict[str, Any], kind: type[Any], source: str) -> Any:
    """A tree of plain values as typed settings; ``source`` names where it came from."""
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {explain(str(error), tree, kind)}") from None


_AT = re.compile(r"(?P<what>.*) - at `\$?\.?(?P<path>[^`]*)`")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]*)`")


def explain(message: str, tree: dict[str, Any], kind: type[Any]) -> str:
    """msgspec's message as key, value and remedy."""
    match = _AT.fullmatch(message)
    what, path = (match["what"], match["path"]) if match else (message, "")
    if unknown := _UNKNOWN.fullmatch(what):
        known = list(field_types(section_type(kind, path)))
        remedy = suggestion(unknown["name"], known) or f"known keys: {', '.join(known)}"
        key = f"{path}.{unknown['name']}" if path else unknown["name"]
        return f"{key}: unknown key; {remedy.strip()}"
    if missing := _MISSING.fullmatch(what):
        return f"{path}{'.' if path else ''}{missing['name']}: is missing; give it"
    path = path.replace("[...]", "")
    value = value_at(tree, path)
    if what.startswith("Expected"):
        return f"{path} = {value!r}: {what[0].lower()}{what[1:].replace('`', '')}"
    if what.startswith("Invalid enum value"):
        section, _, key = path.rpartition(".")
        allowed = ", ".join(get_args(field_types(section_type(kind, section))[key]))
        return f"{path} = {value!r}: give one of {allowed}"
    return f"{path}.{what}" if path else what


def field_types(kind: type[Any]) -> dict[str, Any]:
    """The keys of a section, with their types."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def section_type(kind: type[Any], path: str) -> type[Any]:
    """The type of the section that a path of names leads to."""
    for part in filter(None, path.split(".")):
        name, *items = part.split("[")
        kind = field_types(kind)[name]
        for _ in items:
            kind = get_args(kind)[-1 if get_origin(kind) is dict else 0]
    return kind


def value_at(tree: Any, path: str) -> Any:
    """The value that a path of msgspec's names."""
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(tree, list) and part.isdigit():
            tree = tree[int(part)]
        elif isinstance(tree, dict):
            tree = tree.get(part, tree)
    return tree
