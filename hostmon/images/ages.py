"""What the image cache remembers between its looks: since when a file is unused, its checksum.

Owns one small JSON file, replaced as a whole. What is lost or broken there starts anew: then files
only grow older before they go.
"""

import contextlib
import logging
import os
from pathlib import Path

import msgspec

from hostmon.images.backing import Key

log = logging.getLogger(__name__)


class Memory(msgspec.Struct):
    """What is remembered of one file, as long as it is the same by ``key`` and size.

    ``unused_since`` is in seconds since 1970, None while it is used or that is not known.
    ``sha256`` is of what it held when it was first read, ``fault`` and ``verified_at`` are how and
    when it was last compared.
    """

    key: Key
    size: int
    unused_since: float | None = None
    sha256: str = ""
    fault: str = ""
    verified_at: float = 0.0


class _Stored(msgspec.Struct):
    files: dict[str, Memory]
    v: int = 1


class Ages:
    """The memory of one cache directory, in the file ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, Memory] = {}
        try:
            self._files = msgspec.json.decode(path.read_bytes(), type=_Stored).files
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s can't be read (%s): all ages start anew", path, error)

    def of(self, name: str, info: os.stat_result) -> Memory:
        """What is remembered of a file; nothing of another that had its name."""
        key = (info.st_dev, info.st_ino)
        found = self._files.get(name)
        if found is None or (found.key, found.size) != (key, info.st_size):
            found = self._files[name] = Memory(key, info.st_size)
        return found

    def unused_for(self, memory: Memory, now: float) -> float:
        """How long a file is unused, in seconds, counted from the first look that proved it."""
        if memory.unused_since is None or memory.unused_since > now:
            memory.unused_since = now
        return now - memory.unused_since

    def save(self, names: set[str]) -> None:
        """Keep what is remembered of these files, and forget all others; raises OSError."""
        self._files = {name: one for name, one in self._files.items() if name in names}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f".{self._path.name}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(_Stored(self._files)))
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
