"""The whole backing chain of one image, or how far it is known and why no further.

Every layer's own header is followed here, and qemu-img is asked for a second opinion only where
that found local files alone: a header can name a server, which nobody here is to call.
"""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from hostmon.errors import ImageError
from hostmon.images.inspect import MAX_LAYERS
from hostmon.images.qcow2 import HEADER_BYTES, MAGIC, Header, parse
from hostmon.images.qemuimg import QemuImg

State: TypeAlias = Literal["ok", "loop", "missing", "unreadable"]
Key: TypeAlias = tuple[int, int]
# Where the bytes come from over a network: nothing of this host is named there.
REMOTE = {"nbd", "rbd", "iscsi", "http", "https", "ftp", "ftps", "ssh", "gluster", "nfs"}
# Formats that have nothing below them.
FLAT = {"raw", "iso", "luks", "vdi", "vpc"}


class Chain(msgspec.Struct, frozen=True):
    """An image and all below it; ``layers`` are local paths, ``keys`` their device and inode.

    ``complete`` says that no further file of this host belongs to it: so it is where all was read,
    where it loops, and where what is missing is of a format that has nothing below it. ``reason``
    tells what is wrong.
    """

    path: str
    state: State = "ok"
    complete: bool = True
    layers: tuple[str, ...] = ()
    keys: frozenset[Key] = frozenset()
    reason: str = ""


class _Walk:
    """One walk down a chain; holds what it has seen."""

    def __init__(self, path: str, format_: str) -> None:
        self.layers: list[str] = []
        self.keys: list[Key] = []
        self.remote = False
        self.complete = True
        self._next: tuple[str, str | None] | None = (path, format_)

    def run(self) -> tuple[State, str]:
        """Down to the end; the state, and why it is not ok."""
        while self._next is not None:
            path, format_ = self._next
            self._next = None
            if len(self.layers) >= MAX_LAYERS:
                self.complete = False
                return "unreadable", f"more than {MAX_LAYERS} layers"
            try:
                info = Path(path).stat()
            except (OSError, ValueError) as error:
                self.complete = format_ in FLAT
                return _absent(path, error)
            self.layers.append(path)
            key = (info.st_dev, info.st_ino)
            if key in self.keys:
                return "loop", f"{path} is below itself"
            self.keys.append(key)
            try:
                self._below(path, format_ or probed(path))
            except (OSError, ImageError, ValueError) as error:
                self.complete = False
                reason = error.strerror if isinstance(error, OSError) else str(error)
                return "unreadable", f"{path}: {reason}"
        return "ok", ""

    def _below(self, path: str, format_: str) -> None:
        if format_ in FLAT:
            return
        if format_ != "qcow2":
            raise ImageError(f"format {format_!r} is not followed here")
        header = header_of(path)
        if header.backing_file is None:
            return
        name = local_file(header.backing_file)
        if name is not None:
            # Not normalised: with a link in it, "a/../b" is not "b".
            self._next = str(Path(path).parent / name), header.backing_format
        elif header.backing_format != "raw":
            raise ImageError(f"{header.backing_file!r} below it is of another host")
        else:
            self.remote = True


def chain_of(path: str, format_: str, judge: QemuImg) -> Chain:
    """The chain of an image of a declared format; never raises. May hang with its storage."""
    walk = _Walk(path, format_)
    state, reason = walk.run()
    layers, keys = list(walk.layers), set(walk.keys)
    complete = walk.complete
    if state == "ok" and format_ not in FLAT and not walk.remote:
        try:
            for other in judge.chain(path, format_):
                name = local_file(other)
                if name is None:
                    raise ImageError(f"qemu-img names {other!r}, which is no file")
                info = Path(name).stat()
                if (key := (info.st_dev, info.st_ino)) not in keys:
                    layers.append(name)
                    keys.add(key)
        except (OSError, ImageError) as error:
            state, complete, reason = "unreadable", False, str(error)
    return Chain(path, state, complete, tuple(layers), frozenset(keys), reason)


def header_of(path: str) -> Header:
    """The header of an image in a file or on a block device; raises OSError or ImageError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise ImageError("neither a file nor a block device")
        return parse(os.pread(descriptor, HEADER_BYTES, 0))
    finally:
        os.close(descriptor)


def local_file(name: str) -> str | None:
    """The path that QEMU opens for a name in a header, None for a server's.

    Raises ImageError for a name that can't be understood: nobody may act on a guess.
    """
    if name.startswith("json:"):
        try:
            return _described(json.loads(name.removeprefix("json:")))
        except ValueError:
            raise ImageError(f"{name[:80]!r} is not understood") from None
    protocol, colon, rest = name.partition(":")
    if not colon or "/" in protocol:
        return name
    if protocol == "file":
        return rest
    if protocol.partition("+")[0] in REMOTE:
        return None
    raise ImageError(f"{name[:80]!r} is not understood")


def _described(tree: Any) -> str | None:
    """The file of QEMU's JSON form, nested or flattened (``file.filename``)."""
    if not isinstance(tree, dict):
        raise ImageError("a json: name without an object")
    if isinstance(tree.get("file"), dict):
        return _described(tree["file"])
    name = tree.get("filename", tree.get("file.filename"))
    if isinstance(name, str):
        return local_file(name)
    if str(tree.get("driver", tree.get("file.driver"))).partition("+")[0] in REMOTE:
        return None
    raise ImageError("a json: name without a file")


def probed(path: str) -> str:
    """The format of a layer whose overlay names none, as QEMU would take it: qcow2, else raw.

    Taking a raw file for an overlay only makes more files count as used.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return "qcow2" if os.pread(descriptor, len(MAGIC), 0) == MAGIC else "raw"
    finally:
        os.close(descriptor)


def _absent(path: str, error: Exception) -> tuple[State, str]:
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return "missing", f"{path} does not exist"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return "unreadable", f"{path}: {reason}"
