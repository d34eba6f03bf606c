"""Plain values written as TOML, as tomllib reads them: of a whole configuration, or one key."""

import json
import re
from datetime import date, datetime, time
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_key(name: str) -> str:
    """A key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else toml_string(name)


def toml_string(text: str) -> str:
    """A basic string on one line: JSON's, with all escaped that would move a terminal's cursor."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)


def toml_lines(tree: dict[str, Any], above: str = "") -> list[str]:
    """The lines of a table, ``above`` its name and a dot; those of the tables in it come last."""
    tables = {key: value for key, value in tree.items() if isinstance(value, dict)}
    lines = [
        f"{toml_key(key)} = {toml_value(value)}" for key, value in tree.items() if key not in tables
    ]
    for key, table in tables.items():
        name = f"{above}{toml_key(key)}"
        lines += ["", f"[{name}]", *toml_lines(table, f"{name}.")]
    return lines


def toml_value(value: Any) -> str:
    """A value on one line; raises TypeError for what TOML does not have."""
    match value:
        case str():
            return toml_string(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(map(toml_value, value))}]"
        case dict():
            pairs = (f"{toml_key(key)} = {toml_value(inner)}" for key, inner in value.items())
            return f"{{{', '.join(pairs)}}}"
    raise TypeError(f"{value!r}: TOML has no {type(value).__name__}")
