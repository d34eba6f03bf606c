"""Writes the archive that a Linux kernel unpacks as its first root: cpio, the "newc" form."""

import stat
from pathlib import PurePosixPath

MAGIC = b"070701"


def entry(number: int, name: str, mode: int, data: bytes = b"") -> bytes:
    """One file, folder or device, padded to four bytes (the kernel's buffer-format document)."""
    raw = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = MAGIC + b"".join(b"%08x" % field for field in fields) + raw
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def archive(files: dict[str, bytes]) -> bytes:
    """Executable files by their path without a leading slash, and the folders they need."""
    parents = {str(parent) for path in files for parent in PurePosixPath(path).parents}
    folders = sorted(parents - {"."})
    parts = [entry(n, path, stat.S_IFDIR | 0o755) for n, path in enumerate(folders, 1)]
    parts += [
        entry(n, path, stat.S_IFREG | 0o755, data)
        for n, (path, data) in enumerate(files.items(), len(folders) + 1)
    ]
    return b"".join([*parts, entry(0, "TRAILER!!!", 0)])
