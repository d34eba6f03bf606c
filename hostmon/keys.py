"""Keys of the bus: CURVE pairs in files, who may connect, and whether the files are safe.

A folder holds the agent's own pair (``agent.key_secret``, ``agent.key``) and, in ``allowed``, the
public key of each client by name. The files are ZeroMQ's certificates, as other tools write them.
Public keys are no secret: everybody may read the folders. A service that may not read the secret is
given it by systemd, as a credential.
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
# systemd lets a service's user read a credential by an access list; its mask looks like a group's.
ACL_OF_ONE = 0o040

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
    """Raise SettingsError where others than its owner, or an unfit owner, may change the keys.

    So too where they can't be read.
    """
    place = allowed_folder(folder)
    check_readable(folder)
    try:
        check_unchangeable(folder)
        if place.exists():
            check_readable(place)
            check_unchangeable(place)
    except OSError as error:
        raise SettingsError(
            f"{folder}: {error.strerror}; `hostmon keys new` makes the agent's keys"
        ) from None


def check_readable(folder: Path) -> None:
    """Raise SettingsError where this process may not look into a folder, or get that far."""
    for step in reversed((folder, *folder.parents)):
        needed = os.R_OK | os.X_OK if step == folder else os.X_OK
        if step.exists() and not os.access(step, needed, effective_ids=True):
            raise SettingsError(
                f"{step}: user {os.geteuid()} may not read it; chmod 755 it (public keys are no "
                "secret), or keep the keys elsewhere"
            )


def check_unchangeable(path: Path) -> None:
    """Raise SettingsError where others may change a file or folder; OSError if it is not there."""
    found = path.stat()
    if found.st_mode & 0o022:
        raise SettingsError(
            f"{path}: mode {found.st_mode & 0o777:o} lets others change it; chmod go-w it"
        )
    check_owner(path, found)


def check_owner(path: Path, found: os.stat_result) -> None:
    """Raise SettingsError where a file or folder is neither root's nor this process's user's."""
    if found.st_uid not in {0, os.geteuid()}:
        raise SettingsError(
            f"{path}: belongs to user {found.st_uid}; chown it to root, or run as that user"
        )


def load_agent_pair(folder: Path, credentials: str | None = None) -> Pair:
    """The agent's own pair, out of a folder of keys; raises SettingsError.

    Out of ``credentials`` where systemd put the secret there ($CREDENTIALS_DIRECTORY, see
    systemd.exec(5)): it must be the one that belongs to the folder.
    """
    own = folder / f"{AGENT}{SECRET_SUFFIX}"
    given = Path(credentials, own.name) if credentials else own
    try:
        if given == own or not any(certificate(given)):
            return load_pair(own)
    except FileNotFoundError:
        return load_pair(own)
    except OSError as error:
        raise SettingsError(f"{given}: {error.strerror}; look at LoadCredential=") from None
    pair = load_pair(given, readable=ACL_OF_ONE)
    if pair.public != load_public(str(own.with_suffix(PUBLIC_SUFFIX))):
        raise SettingsError(
            f"{given}: is not the secret of {own.with_suffix(PUBLIC_SUFFIX)}; name {own} in "
            "LoadCredential=, and restart the service"
        )
    return pair


def load_pair(path: Path, readable: int = 0) -> Pair:
    """A pair from its secret file; raises SettingsError, also where others may read it.

    ``readable`` are bits of the mode that are allowed besides the owner's.
    """
    try:
        found = path.stat()
        if found.st_mode & 0o077 & ~readable:
            raise SettingsError(
                f"{path}: mode {found.st_mode & 0o777:o} lets others read it; chmod 600 it"
            )
        check_owner(path, found)
        public, secret = certificate(path)
    except PermissionError as error:
        raise SettingsError(
            f"{path}: {error.strerror} to user {os.geteuid()}; be its owner, or pass it to the "
            f"service: LoadCredential={path.name}:{path.absolute()}"
        ) from None
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
    except PermissionError as error:
        raise SettingsError(
            f"{source}: {error.strerror} to user {os.geteuid()}; chmod 644 it, it is no secret"
        ) from None
    except OSError as error:
        raise SettingsError(f"{source}: {error.strerror}; give a key or its file") from None
    if not public:
        raise SettingsError(f"{source}: holds no public key; give a file NAME{PUBLIC_SUFFIX}")
    return public


def certificate(path: Path) -> tuple[str, str]:
    """The public and the secret key of a file, each empty where it holds none; raises OSError."""
    path.stat()  # what zmq raises for a file that is not there says nothing
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
    try:
        make_folder(folder)
        with private_files():
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
        make_folder(place)
        fresh.write_text(f'curve\n    public-key = "{key}"\n')
        fresh.chmod(0o644)
        fresh.replace(place / f"{name}{PUBLIC_SUFFIX}")
    except OSError as error:
        raise SettingsError(f"{place}: {error.strerror}; run as the owner of the keys") from None


def make_folder(folder: Path) -> None:
    """Make a folder that everybody may read, and those above it, whatever the umask."""
    for step in reversed((folder, *folder.parents)):
        if not step.exists():
            step.mkdir(exist_ok=True)
            step.chmod(0o755)


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
    """The clients that may connect: key by name. A file that holds no key allows nobody.

    Raises SettingsError where the folder can't be read.
    """
    found, wrong = read_allowed(folder)
    for text in wrong.values():
        log.warning("%s", text)
    return found


def read_allowed(folder: Path) -> tuple[dict[str, str], dict[Path, str]]:
    """The clients that may connect, key by name; and what is wrong with the other files.

    Raises SettingsError where the folder can't be read.
    """
    found: dict[str, str] = {}
    wrong: dict[Path, str] = {}
    for path in key_files(allowed_folder(folder)):
        try:
            check_unchangeable(path)
            found[path.name.removesuffix(PUBLIC_SUFFIX)] = load_public(str(path))
        except SettingsError as error:
            wrong[path] = str(error)
        except FileNotFoundError:
            continue  # revoked since it was listed
        except OSError as error:
            wrong[path] = f"{path}: {error.strerror}"
    return found, wrong


def key_files(folder: Path) -> list[Path]:
    """The files of public keys in a folder, none where there is no folder; raises SettingsError."""
    check_readable(folder)  # which a pattern of pathlib's would take for an empty one
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.name.endswith(PUBLIC_SUFFIX) and not path.name.startswith(".")
        )
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingsError(f"{folder}: {error.strerror}; give a folder of keys") from None


class AllowedKeys:
    """Who may connect, by a folder that is read again and again.

    While others may change the folder nobody new is let in; while it can't be read all stays as it
    was. What is wrong is logged once, and again when the file is another; ``wrong`` counts it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}  # name by key
        self._told: dict[Path, tuple[str, int]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __len__(self) -> int:
        return len(self._known)

    def read(self) -> list[str]:
        """Follow the folder; the names of those whose keys are gone."""
        try:
            found, wrong = read_allowed(self._folder)
        except SettingsError as error:
            self._tell({self._folder: f"{error}; until then no key is allowed or revoked"})
            return []
        known = {key: name for name, key in found.items()}
        try:
            check_folder(self._folder)
        except SettingsError as error:
            wrong[self._folder] = f"{error}; no new key is allowed until then"
            known = {key: name for key, name in known.items() if key in self._known}
        gone = [name for key, name in self._known.items() if key not in known]
        self._known = known
        self._tell(wrong)
        return gone

    @property
    def wrong(self) -> int:
        """How many files and folders can't be used now."""
        return len(self._told)

    def _tell(self, wrong: dict[Path, str]) -> None:
        stamps = {path: (text, changed_ns(path)) for path, text in wrong.items()}
        for path, stamp in stamps.items():
            if self._told.get(path) != stamp:
                log.warning("%s", stamp[0])
        self._told = stamps


def changed_ns(path: Path) -> int:
    """When a file was changed last; 0 for one that is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@contextmanager
def private_files() -> Iterator[None]:
    """Files made meanwhile are their owner's alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
