"""One sample of each kind of event, built from the types alone."""

import types
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from hostmon.events import EVENT_TYPES, Event
from hostmon.wire import UnknownEvent, kind_of

_UUID = "6f3a2b1c-0d4e-4f5a-8b6c-7d8e9f0a1b2c"
_PLAIN: dict[Any, Any] = {str: "sample", int: 1, float: 1.0, bool: True, types.NoneType: None}


def sample(kind: Any) -> Any:
    """A value of an annotated type: a text, 1, None where it may be, a tuple of one."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return sample(arguments[0])
    if origin in (Union, types.UnionType):
        return sample(arguments[0])
    if origin is tuple:
        return (sample(arguments[0]),)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = msgspec.structs.fields(kind)
        return kind(**{f.name: sample(f.type) for f in fields if f.required})
    return _PLAIN[kind]


def sample_events() -> dict[str, Event]:
    """Every kind with an event of it, and one of a kind that only a newer agent knows."""
    common: dict[str, Any] = {"epoch": 1, "sequence": 1, "host": "sample-host", "time_ns": 1}
    found: dict[str, Event] = {}
    for type_ in EVENT_TYPES:
        event = msgspec.structs.replace(sample(type_), **common)
        if "uuid" in type_.__struct_fields__:
            event = msgspec.structs.replace(event, uuid=_UUID, name="sample-guest")
        found[kind_of(event)] = event
    found["of-tomorrow"] = UnknownEvent(of_kind="of-tomorrow", of_class="lifecycle", **common)
    return found
