"""Who uses which files: all chains of all guests, and of overlays that belong to none."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from hostmon.images.backing import Chain, Key, chain_of, probed
from hostmon.images.qemuimg import QemuImg
from hostmon.images.references import References
from hostmon.images.report import BrokenChain

MOST_OVERLAYS = 100_000


class Usage(msgspec.Struct):
    """Users by file (device and inode) and by path; ``doubt`` says why that is not all, if so."""

    by_key: dict[Key, dict[str, None]] = {}
    by_path: dict[str, dict[str, None]] = {}
    broken: tuple[BrokenChain, ...] = ()
    doubt: str = ""

    def users(self, key: Key, path: str) -> tuple[str, ...]:
        """Who uses a file, by either of the two."""
        return tuple({**self.by_key.get(key, {}), **self.by_path.get(path, {})})

    def add(self, user: str, keys: Iterable[Key], paths: Iterable[str]) -> None:
        """Someone uses these."""
        for key in keys:
            self.by_key.setdefault(key, {})[user] = None
        for path in paths:
            for form in (path, os.path.normpath(path), os.path.realpath(path)):
                self.by_path.setdefault(form, {})[user] = None


class _Gathering:
    """Puts together one Usage; follows each image once, however many guests have it."""

    def __init__(self, directory: str, judge: QemuImg) -> None:
        self.usage = Usage()
        self._directory = directory
        self._judge = judge
        self._chains: dict[tuple[str, str], Chain] = {}

    def guest(self, guest: References) -> None:
        """Everything that a guest refers to."""
        self.usage.add(guest.guest, keys_of(guest.named), guest.named)
        for path, format_ in guest.images:
            self._follow(guest.guest, path, format_)
        for path in guest.written:
            if os.path.realpath(Path(path).parent) == os.path.realpath(self._directory):
                self._doubt(f"{guest.guest} writes {path}, which is no base image then: move it")
        for what in guest.unknown:
            self._doubt(f"{guest.guest}'s {what} is not known on this host")

    def folder(self, folder: str) -> None:
        """Every overlay in a folder and below."""
        try:
            for path in overlays_in(folder, self._directory):
                self._follow(f"overlay in {folder}", path, "qcow2")
        except OSError as error:
            self._doubt(f"overlays in {folder} can't be listed: {error.strerror}")

    def _follow(self, user: str, path: str, format_: str) -> None:
        chain = self._chains.get((path, format_))
        if chain is None:
            chain = self._chains[path, format_] = chain_of(path, format_, self._judge)
        self.usage.add(user, chain.keys, chain.layers)
        if chain.state != "ok":
            broken = BrokenChain(guest=user, path=path, state=chain.state, reason=chain.reason)
            if broken not in self.usage.broken:
                self.usage.broken = (*self.usage.broken, broken)
        if not chain.complete:
            self._doubt(f"{user}'s {path} is {chain.state} and may use any; mend or undefine it")

    def _doubt(self, text: str) -> None:
        self.usage.doubt = self.usage.doubt or text


def used_by(
    guests: Iterable[References], overlays: Iterable[str], directory: str, judge: QemuImg
) -> Usage:
    """Everything that guests and overlays use.

    What lies in the directory of base images itself is no overlay; a guest that writes there makes
    it none.
    """
    gathering = _Gathering(directory, judge)
    for guest in guests:
        gathering.guest(guest)
    for folder in overlays:
        gathering.folder(folder)
    return gathering.usage


def keys_of(paths: Iterable[str]) -> Iterator[Key]:
    """Device and inode of those that are there."""
    for path in paths:
        try:
            info = Path(path).stat()
        except (OSError, ValueError):
            continue
        yield info.st_dev, info.st_ino


def overlays_in(folder: str, directory: str) -> Iterator[str]:
    """The qcow2 images in a folder and below, but not those in the directory of base images.

    Raises OSError where one can't be looked at.
    """

    def refuse(error: OSError) -> None:
        raise error

    seen = 0
    for place, _, names in os.walk(folder, onerror=refuse):
        if os.path.realpath(place) == os.path.realpath(directory):
            continue
        for name in names:
            seen += 1
            if seen > MOST_OVERLAYS:
                raise OSError(0, f"more than {MOST_OVERLAYS} files")
            path = Path(place) / name
            try:
                if path.is_file() and probed(str(path)) == "qcow2":
                    yield str(path)
            except FileNotFoundError:
                continue  # gone since it was listed
