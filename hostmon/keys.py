"""Keys of the bus: CURVE pairs in files, who may connect, and whether the files are safe.

A folder holds the agent's own pair (``agent.key_secret``, ``agent.key``) and, in ``allowed``, the
public key of each client by name. The files are ZeroMQ's certificates, as other tools write them.
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import zmq
import zmq.auth

from hostmon.errors import SettingsError

log = logging.getLogger(__name__)

AGENT = "agent"
SECRET_SUFFIX = ".key_secret"
PUBLIC_SUFFIX = ".key"
SYSTEM_KEYS = Path("/etc/hostmon/keys")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_Z85 = re.compile(r"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]{40}")


class Pair(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A CURVE pair in Z85; its secret half is never shown."""

    public: str
    secret: str

    def __repr__(self) -> str:
        return f"Pair(public={self.public!r})"


def allowed_folder(folder: Path) -> Path:
    """Where the clients' public keys lie."""
    return folder / "allowed"


def check_name(name: str) -> None:
    """Raise SettingsError unless a key may bear this name."""
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"key name {name!r}: give letters, digits, dot, dash or underscore, 64 at most"
        )


def check_folder(folder: Path) -> None:
    """Raise SettingsError where others than its owner, or an unfit owner, may change the keys."""
    try:
        found = folder.stat()
    except OSError as error:
        raise SettingsError(
            f"{folder}: {error.strerror}; `hostmon keys new` makes the agent's keys"
        ) from None
    if found.st_mode & 0o022:
        raise SettingsError(
            f"{folder}: mode {found.st_mode & 0o777:o} lets others change it; chmod go-w it"
        )
    if found.st_uid not in {0, os.geteuid()}:
        raise SettingsError(f"{folder}: belongs to user {found.st_uid}; chown it to root")


def load_pair(path: Path) -> Pair:
    """A pair from its secret file; raises SettingsError, also where others may read it."""
    try:
        found = path.stat()
        if found.st_mode & 0o077:
            raise SettingsError(
                f"{path}: mode {found.st_mode & 0o777:o} lets others read it; chmod 600 it"
            )
        public, secret = certificate(path)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; `hostmon keys new` makes one") from None
    if not public or not secret:
        raise SettingsError(f"{path}: holds no pair of keys; give a file NAME{SECRET_SUFFIX}")
    return Pair(public, secret)


def load_public(source: str) -> str:
    """A public key: itself in Z85, or from a file that holds it; raises SettingsError."""
    if _Z85.fullmatch(source) and not Path(source).exists():
        return source
    try:
        public, _ = certificate(Path(source))
    except OSError as error:
        raise SettingsError(f"{source}: {error.strerror}; give a key or its file") from None
    if not public:
        raise SettingsError(f"{source}: holds no public key; give a file NAME{PUBLIC_SUFFIX}")
    return public


def certificate(path: Path) -> tuple[str, str]:
    """The public and the secret key of a file, each empty where it holds none; raises OSError."""
    try:
        found = zmq.auth.load_certificate(path)
    except ValueError:  # no key at all, or no text
        return "", ""
    public, secret = ((key or b"").decode(errors="replace") for key in found)
    return (public if _Z85.fullmatch(public) else ""), (secret if _Z85.fullmatch(secret) else "")


def new_pair(folder: Path, name: str) -> tuple[str, Path]:
    """Make a pair; its public key, and the file of its secret. Never replaces one."""
    check_name(name)
    secret = folder / f"{name}{SECRET_SUFFIX}"
    if secret.exists():
        raise SettingsError(f"{secret}: is there already; remove it to make new keys")
    with private_files():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            zmq.auth.create_certificates(folder, name)
        except OSError as error:
            raise SettingsError(f"{folder}: {error.strerror}; give a folder of yours") from None
    (folder / f"{name}{PUBLIC_SUFFIX}").chmod(0o644)
    return load_pair(secret).public, secret


def allow(folder: Path, name: str, key: str) -> None:
    """Let the client that has this key connect."""
    check_name(name)
    for other, known in allowed(folder).items():
        if known == key and other != name:
            raise SettingsError(f"the key is allowed already, as {other}")
    place = allowed_folder(folder)
    fresh = place / f".{name}.new"
    try:
        with private_files():
            place.mkdir(parents=True, exist_ok=True)
        fresh.write_text(f'curve\n    public-key = "{key}"\n')
        fresh.replace(place / f"{name}{PUBLIC_SUFFIX}")
    except OSError as error:
        raise SettingsError(f"{place}: {error.strerror}; run as the owner of the keys") from None


def revoke(folder: Path, name: str) -> None:
    """Forget a client's key."""
    check_name(name)
    path = allowed_folder(folder) / f"{name}{PUBLIC_SUFFIX}"
    try:
        path.unlink()
    except FileNotFoundError:
        known = ", ".join(allowed(folder)) or "nobody"
        raise SettingsError(f"{name}: is not allowed; {known} is") from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; run as the owner of the keys") from None


def allowed(folder: Path) -> dict[str, str]:
    """The clients that may connect: key by name. A file that holds no key allows nobody."""
    found: dict[str, str] = {}
    for path in sorted(allowed_folder(folder).glob(f"[!.]*{PUBLIC_SUFFIX}")):
        try:
            found[path.name.removesuffix(PUBLIC_SUFFIX)] = load_public(str(path))
        except SettingsError as error:
            log.warning("%s", error)
    return found


@contextmanager
def private_files() -> Iterator[None]:
    """Files made meanwhile are their owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
