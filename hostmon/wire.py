"""The wire format: topics, and the bytes of events (docs/wire.md).

Owns decoding for subscribers and the matching Python encoding; the agent itself encodes in
ext/encoder.pxd, and a test holds the two equal. Imports neither libvirt nor an extension.
"""

import functools
import operator
from typing import Any

import msgspec

from hostmon.errors import ProtocolError
from hostmon.events import EVENT_TYPES, Event, Welcome
from hostmon.kinds import CLASS_OF

# What decoding raises: a text that is not UTF-8 is another error than everything else.
UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError)

WELCOME = "welcome"
"""The topic of a connection's first message."""

_KINDS = {type_: str(type_.__struct_config__.tag) for type_ in EVENT_TYPES}
_CLASSES = {type_: CLASS_OF[kind] for type_, kind in _KINDS.items()}
_KNOWN: Any = functools.reduce(operator.or_, EVENT_TYPES)
_decoder: msgspec.msgpack.Decoder[Event] = msgspec.msgpack.Decoder(_KNOWN)
_many_decoder: msgspec.msgpack.Decoder[list[Event]] = msgspec.msgpack.Decoder(list[_KNOWN])
_raws_decoder = msgspec.msgpack.Decoder(list[msgspec.Raw])
_welcome_decoder = msgspec.msgpack.Decoder(Welcome)
_encoder = msgspec.msgpack.Encoder()


class _Tag(msgspec.Struct):
    """What any version's event carries."""

    kind: str


_tag_decoder = msgspec.msgpack.Decoder(_Tag)


class UnknownEvent(Event, frozen=True, kw_only=True, tag="?"):
    """An event of a kind that this version does not know; ``of_kind`` is its name.

    ``of_class`` is its class by the topic it came with; a replay has none.
    """

    of_kind: str
    of_class: str = ""


_Common: Any = msgspec.defstruct(
    "_Common",
    [(field.name, field.type, field.default) for field in msgspec.structs.fields(Event)],
)
_common_decoder = msgspec.msgpack.Decoder(_Common)


def split(message: bytes) -> tuple[str, bytes]:
    """Topic and payload of one message of the bus."""
    topic, separator, payload = message.partition(b"\0")
    if not separator:
        raise ProtocolError(f"message of {len(message)} bytes has no topic")
    return topic.decode(errors="replace"), payload


def decode_welcome(payload: bytes) -> Welcome:
    """The first message of a connection."""
    try:
        return _welcome_decoder.decode(payload)
    except UNDECODABLE as error:
        raise ProtocolError(f"welcome of {len(payload)} bytes: {error}") from error


def decode(payload: bytes, topic: str = "") -> Event:
    """The typed event of one payload; a kind of a newer peer is an :class:`UnknownEvent`."""
    try:
        return _decoder.decode(payload)
    except UNDECODABLE as error:
        try:
            kind = _tag_decoder.decode(payload).kind
            if kind not in CLASS_OF:
                common = msgspec.structs.asdict(_common_decoder.decode(payload))
                class_ = topic.partition("/")[0]
                return UnknownEvent(of_kind=kind, of_class=class_, **common)
        except UNDECODABLE:
            pass
        raise ProtocolError(f"payload of {len(payload)} bytes is no event: {error}") from error


def decode_many(array: msgspec.Raw) -> list[Event]:
    """The events of an array; one of a newer peer's kind among them costs speed alone."""
    try:
        return _many_decoder.decode(array)
    except UNDECODABLE:
        return [decode(bytes(raw)) for raw in _raws_decoder.decode(array)]


def encode(event: Event) -> bytes:
    """The payload of one event, as the agent would write it."""
    return _encoder.encode(event)


def kind_of(event: Event) -> str:
    """The kind of an event, as topics name it."""
    return event.of_kind if isinstance(event, UnknownEvent) else _KINDS[type(event)]


def class_of(event: Event) -> str:
    """The class of an event; "" of an unknown kind that came without a topic."""
    return event.of_class if isinstance(event, UnknownEvent) else _CLASSES[type(event)]
