"""The header of a qcow2 image, read as what it is: bytes that a guest's owner may have written.

Takes bytes and gives numbers; opens nothing.
Source: QEMU's docs/interop/qcow2.txt.
"""

import struct

import msgspec

from hostmon.errors import ImageError

MAGIC = b"QFI\xfb"
# All that is needed lies in the first cluster; a header and its extensions are far smaller.
HEADER_BYTES = 64 << 10
MAX_NAME = 1023
EXTERNAL_DATA = 1 << 2

_VERSION_2 = struct.Struct(">4sIQIIQ")
_FEATURES = struct.Struct(">Q")
_EXTENSION = struct.Struct(">II")
_END = 0
_BACKING_FORMAT = 0xE2792ACA
_DATA_FILE = 0x44415441
_VERSION_2_LENGTH = 72
_VERSION_3_LENGTH = 104


class Header(msgspec.Struct, frozen=True):
    """What a qcow2 image says of itself; ``virtual`` in bytes.

    With ``external_data`` its clusters lie in another file, and its own size says nothing; the name
    of that is ``data_file``, None where the header names none.
    """

    version: int
    virtual: int
    cluster: int
    backing_file: str | None = None
    backing_format: str | None = None
    external_data: bool = False
    data_file: str | None = None


def parse(data: bytes) -> Header:
    """The header in an image's first bytes (``HEADER_BYTES`` of them); ImageError if it is none."""
    if len(data) < _VERSION_2_LENGTH or data[:4] != MAGIC:
        raise ImageError("not a qcow2 image: its first bytes are no qcow2 header")
    _, version, name_at, name_size, cluster_bits, virtual = _VERSION_2.unpack_from(data)
    if version not in {2, 3}:
        raise ImageError(f"qcow2 version {version} is unknown: 2 and 3 are")
    if not 9 <= cluster_bits <= 21:
        raise ImageError(f"qcow2 clusters of 2^{cluster_bits} bytes: must be from 2^9 to 2^21")
    if virtual >= 1 << 63:
        raise ImageError(f"qcow2 of {virtual} bytes: more than a file can hold")
    length, features = _VERSION_2_LENGTH, 0
    if version == 3:
        if len(data) < _VERSION_3_LENGTH:
            raise ImageError("qcow2 header is cut off")
        (features,) = _FEATURES.unpack_from(data, 72)
        length = int.from_bytes(data[100:104], "big")
    extensions = _extensions(data, length, name_at or 1 << cluster_bits)
    format_ = extensions.get(_BACKING_FORMAT)
    data_file = extensions.get(_DATA_FILE)
    return Header(
        version=version,
        virtual=virtual,
        cluster=1 << cluster_bits,
        backing_file=_name(data, name_at, name_size, 1 << cluster_bits),
        backing_format=None if format_ is None else format_.decode("ascii", "replace"),
        external_data=bool(features & EXTERNAL_DATA),
        data_file=None if data_file is None else data_file.decode("utf-8", "surrogateescape"),
    )


def _name(data: bytes, at: int, size: int, cluster: int) -> str | None:
    if at == 0 or size == 0:
        return None
    if size > MAX_NAME or at + size > min(cluster, len(data)):
        raise ImageError(f"qcow2 backing file name of {size} bytes at {at}: outside the header")
    name = data[at : at + size]
    if b"\0" in name:
        raise ImageError("qcow2 backing file name holds a zero byte")
    return name.decode("utf-8", "surrogateescape")


def _extensions(data: bytes, at: int, end: int) -> dict[int, bytes]:
    """The header's extensions, the first of each kind; what goes beyond the header is left out.

    Each step goes forward by 8 bytes at least, so it ends.
    """
    found: dict[int, bytes] = {}
    end = min(end, len(data))
    while at + _EXTENSION.size <= end:
        kind, size = _EXTENSION.unpack_from(data, at)
        at += _EXTENSION.size
        if kind == _END or at + size > end:
            break
        found.setdefault(kind, data[at : at + size])
        at += (size + 7) & ~7
    return found
