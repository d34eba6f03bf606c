"""One disk looked at: what it occupies and how large it may grow.

Every call here may hang with the filesystem it touches: :mod:`hostmon.images.survey` keeps that
away from others. The declared format is believed, the content never is: a guest that writes a qcow2
header into its raw disk must not make anybody open what that header names.
"""

import errno
import os
import stat
from pathlib import Path

import msgspec

from hostmon.errors import ImageError
from hostmon.images import qcow2
from hostmon.images.storage import Disk, Image
from hostmon.machine.files import read_int

# libvirt's own limit of a backing chain.
MAX_LAYERS = 200
BLOCK = 512
_ABSENT = {errno.ENOENT, errno.ENOTDIR}
# Non-blocking: a FIFO in the place of an image must not hold up anybody.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


def inspect(disk: Disk, filesystem: str = "", devices: Path = Path("/sys/dev/block")) -> Image:
    """What a disk occupies and may grow to; what cannot be known is None, with the reason."""
    try:
        info = Path(disk.path).stat()
    except (OSError, ValueError) as error:
        absent = isinstance(error, OSError) and error.errno in _ABSENT
        state = "missing" if absent else "unreadable"
        return Image(disk, state, filesystem, reason=_reason(error))
    if stat.S_ISBLK(info.st_mode):
        return _block_device(disk, filesystem, info, devices)
    if not stat.S_ISREG(info.st_mode):
        return Image(disk, "unreadable", filesystem, reason="neither a file nor a block device")
    return _file(disk, filesystem, info)


def _block_device(disk: Disk, filesystem: str, info: os.stat_result, devices: Path) -> Image:
    number = f"{os.major(info.st_rdev)}:{os.minor(info.st_rdev)}"
    sectors = read_int(devices / number / "size")
    size = None if sectors is None else sectors * BLOCK
    return Image(disk, "ok", filesystem, size, size, block_device=True, physical=size)


def _file(disk: Disk, filesystem: str, info: os.stat_result) -> Image:
    allocated = info.st_blocks * BLOCK
    if disk.format == "raw":
        return Image(
            disk, "ok", filesystem, allocated, info.st_size,
            layers=(disk.path,), physical=info.st_size,
        )  # fmt: skip
    try:
        if disk.format != "qcow2":
            raise ImageError(f"format {disk.format!r} is not read here")
        header = read_header(disk.path)
    except (OSError, ImageError) as error:
        known = disk.capacity is not None
        return Image(
            disk,
            "ok" if known else "unreadable",
            filesystem,
            allocated,
            disk.capacity,
            layers=(disk.path,),
            reason=_reason(error),
            physical=info.st_size,
        )
    if header.external_data:
        return _external(disk, filesystem, info, header)
    return Image(
        disk, "ok", filesystem, allocated, header.virtual,
        layers=chain(disk.path, header), physical=info.st_size,
    )  # fmt: skip


def _external(disk: Disk, filesystem: str, info: os.stat_result, header: qcow2.Header) -> Image:
    """An image whose clusters lie in another file: that one is what it occupies, and grows.

    The file is looked at and not opened. On another filesystem than the image's it is unknown, as
    whose room it takes is.
    """
    unknown = Image(disk, "unreadable", filesystem, virtual=header.virtual, layers=(disk.path,))
    name = header.data_file
    if not name or ":" in name.partition("/")[0]:
        return msgspec.structs.replace(unknown, reason=f"keeps its data in {name!r}, no file")
    path = os.path.normpath(Path(disk.path).parent / name)
    try:
        data = Path(path).stat()
    except (OSError, ValueError) as error:
        return msgspec.structs.replace(unknown, reason=f"its data file {path}: {_reason(error)}")
    block_device = stat.S_ISBLK(data.st_mode)
    if not block_device and (not stat.S_ISREG(data.st_mode) or data.st_dev != info.st_dev):
        reason = f"keeps its data in {path}, no file of its own filesystem"
        return msgspec.structs.replace(unknown, reason=reason)
    return Image(
        disk, "ok", filesystem, header.virtual if block_device else data.st_blocks * BLOCK,
        header.virtual, block_device=block_device, layers=(*chain(disk.path, header), path),
        physical=header.virtual if block_device else data.st_size,
    )  # fmt: skip


def read_header(path: str) -> qcow2.Header:
    """The header of a regular file; OSError or ImageError where that is not to be had."""
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ImageError("not a regular file")
        return qcow2.parse(os.pread(descriptor, qcow2.HEADER_BYTES, 0))
    finally:
        os.close(descriptor)


def chain(path: str, header: qcow2.Header) -> tuple[str, ...]:
    """The paths of an image and of what it is based on, as far down as they can be read.

    Ends before anything that is not a local file (json:, nbd:…), that was there before, or whose
    format its overlay does not name: guessing it would trust its content.
    """
    layers = [path]
    while header.backing_file is not None and len(layers) < MAX_LAYERS:
        name = header.backing_file
        if ":" in name.partition("/")[0]:
            break
        below = os.path.normpath(Path(layers[-1]).parent / name)
        if below in layers:
            break
        layers.append(below)
        if header.backing_format != "qcow2":
            break
        try:
            header = read_header(below)
        except (OSError, ImageError, ValueError):
            break
    return tuple(layers)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
