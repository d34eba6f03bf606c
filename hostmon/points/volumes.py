"""What is asked of a volume driver: a volume of one type, in plain values.

A type of its own for each type of volume, told apart by ``type`` where they cross as bytes. Fields
that a newer version adds are ignored, those that an older one lacks have their defaults.
"""

import re
import uuid
from typing import Literal, TypeAlias

import msgspec

_TARGET = re.compile(r"(vd|sd|hd|xvd)[a-z]{1,3}")


class Volume(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What volumes of all types have; ``target`` is the guest's name for the disk, such as vdb.

    ``format`` is what the driver is told to take the content for, never guessed from it.
    """

    target: str
    v: int = 1
    bus: str = "virtio"
    format: str = "raw"
    cache: str | None = None
    io: str | None = None
    discard: str | None = None
    serial: str | None = None
    readonly: bool = False
    shareable: bool = False
    boot_order: int | None = None

    def __post_init__(self) -> None:
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"target = {self.target!r}: write a disk's name such as vdb or sda")
        path = getattr(self, "path", None)
        if path is not None and not path.startswith("/"):
            raise ValueError(f"path = {path!r}: give an absolute path")


class FileVolume(Volume, frozen=True, kw_only=True, tag="file"):
    """An image in a file of the host."""

    path: str


class BlockVolume(Volume, frozen=True, kw_only=True, tag="block"):
    """A block device of the host."""

    path: str


class StorageServer(msgspec.Struct, frozen=True):
    """A server of networked storage: its name and port, or the path of its socket."""

    name: str = ""
    port: int | None = None
    socket: str = ""

    def __post_init__(self) -> None:
        if bool(self.name) == bool(self.socket):
            raise ValueError(f"{self}: give a server's name, or the path of its socket")
        if self.port is not None and (self.socket or not 1 <= self.port <= 65535):
            raise ValueError(f"port = {self.port!r}: give 1 to 65535, for a name")


class NetworkVolume(Volume, frozen=True, kw_only=True, tag="network"):
    """A volume that servers keep: ``name`` is POOL/IMAGE (rbd), IQN/LUN (iscsi) or an export (nbd).

    ``user`` logs in with the secret that libvirt keeps under ``secret``.
    """

    protocol: Literal["rbd", "iscsi", "nbd"]
    name: str = ""
    servers: tuple[StorageServer, ...] = ()
    user: str = ""
    secret: uuid.UUID | None = None
    initiator: str = ""

    def __post_init__(self) -> None:
        Volume.__post_init__(self)
        if not self.name and self.protocol != "nbd":
            raise ValueError(f"name is missing: a volume of {self.protocol} has one")
        if not self.servers and self.protocol != "rbd":
            raise ValueError(f"servers is missing: {self.protocol} needs one")
        if self.initiator and self.protocol != "iscsi":
            raise ValueError(f"initiator = {self.initiator!r}: only iscsi has one")
        if bool(self.user) != (self.secret is not None):
            raise ValueError("user and secret belong together: give both, or neither")
        if self.user and self.protocol == "nbd":
            raise ValueError(f"user = {self.user!r}: nbd has no log-in")


AnyVolume: TypeAlias = FileVolume | BlockVolume | NetworkVolume
"""A volume of any type, as bytes decode to it."""


def type_of(volume: Volume) -> str:
    """The type's name, as in ``type`` and in a driver's capabilities."""
    return str(type(volume).__struct_config__.tag)
