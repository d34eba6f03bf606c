"""One disk looked at: what it occupies and how large it may grow.

Every call here may hang with the filesystem it touches: :mod:`hostmon.images.survey` keeps that
away from others. The declared format is believed, the content never is: a guest that writes a qcow2
header into its raw disk must not make anybody open what that header names.
"""

import errno
import os
import stat
from pathlib import Path

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
        if header.external_data:
            raise ImageError("keeps its data in another file")
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
    return Image(
        disk, "ok", filesystem, allocated, header.virtual,
        layers=chain(disk.path, header), physical=info.st_size,
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
