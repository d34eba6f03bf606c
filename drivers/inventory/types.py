"""What is published: one inventory of one host, and its message. Needs hostmon's client alone.

The words are those of the cloud's placement service, whose resource classes and traits these are.
"""

import msgspec

VERSION = 1


class ResourceClass(msgspec.Struct, frozen=True, kw_only=True):
    """One class of a host's resources; ``used`` is what its running guests hold of it.

    What may be asked for is ``min_unit`` to ``max_unit`` in steps of ``step_size``, out of
    (total - reserved) x allocation_ratio.
    """

    name: str
    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int
    step_size: int = 1
    allocation_ratio: float = 1.0
    used: int = 0


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """A host's resources; ``generation`` grows by one with each change within an ``epoch``.

    ``epoch`` is that of the agent's events; ``changes`` numbers the account that this tells of.
    """

    v: int = VERSION
    host: str
    epoch: int
    generation: int
    changes: int
    resources: tuple[ResourceClass, ...]
    traits: tuple[str, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Inventory)


def encode(inventory: Inventory) -> bytes:
    """The message: topic ``inventory/HOST``, a NUL byte, MessagePack."""
    return f"inventory/{inventory.host}".encode() + b"\0" + _encoder.encode(inventory)


def decode(message: bytes) -> Inventory:
    """The inventory of a message; raises msgspec.MsgspecError for one that is none."""
    return _decoder.decode(message.partition(b"\0")[2])
