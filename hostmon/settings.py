"""Settings: what an operator may configure, in TOML, typed and checked before anything starts.

Owns defaults, checks and loading. Reads no environment beyond the runtime directory.
"""

import os
import re
import socket
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from hostmon.account import Offer
from hostmon.errors import SettingsError
from hostmon.suggest import nearest
from hostmon.typed import convert

SYSTEM_CONFIG = Path("/etc/hostmon/hostmon.toml")
SYSTEM_RUNTIME = Path("/run/hostmon")
DEMO_URI = "test:///default"

_URI_DRIVERS = (
    "qemu", "test", "lxc", "xen", "ch", "bhyve", "vbox", "esx", "vpx", "gsx", "hyperv",
    "vmwareplayer", "vmwarews", "vmwarefusion", "openvz", "parallels", "vz",
)  # fmt: skip
_URI = re.compile(r"(?P<driver>[a-z]+)(\+[a-z0-9]+)?://[^\s]*")
_ADDRESS = re.compile(
    r"ipc://(?P<path>/.+)|tcp://(?P<host>[^\s:/]+|\[[0-9a-fA-F:]+\]):(?P<port>\d+)"
)
# Seconds: of two that are missed a subscriber, which waits for 5 s, takes no notice.
LONGEST_HEARTBEAT = 2.0
_IPC_PATH_MAX = 107  # bytes of sun_path, less the final NUL
HOST_NAME_MAX = 253  # bytes, as of a name in DNS: every event bears it, and a welcome has 1,024


def runtime_directory() -> Path:
    """Where the agent's sockets live by default: /run/hostmon, else under $XDG_RUNTIME_DIR."""
    if os.geteuid() == 0 or os.access(SYSTEM_RUNTIME, os.W_OK):
        return SYSTEM_RUNTIME
    if xdg := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(xdg) / "hostmon"
    return SYSTEM_RUNTIME


def default_socket(name: str) -> str:
    """The address of a default socket: where an agent made it, else where one would."""
    candidates = [SYSTEM_RUNTIME]
    if xdg := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(xdg) / "hostmon")
    for directory in candidates:
        if (directory / name).exists():
            return f"ipc://{directory / name}"
    return f"ipc://{runtime_directory() / name}"


def check_address(value: str) -> None:
    """Raise ValueError, with the remedy, unless ``value`` is a bus address."""
    match = _ADDRESS.fullmatch(value)
    if match is None:
        raise ValueError("write ipc:///PATH or tcp://HOST:PORT")
    if match["path"] and len(os.fsencode(match["path"])) > _IPC_PATH_MAX:
        raise ValueError(f"the path is longer than {_IPC_PATH_MAX} bytes; give a shorter one")
    if match["port"] and not 1 <= int(match["port"]) <= 65535:
        raise ValueError("give a port from 1 to 65535")


def check_uri(value: str) -> None:
    """Raise ValueError, with the remedy, unless ``value`` looks like a libvirt URI."""
    match = _URI.fullmatch(value)
    if match is None:
        raise ValueError("write a libvirt URI such as qemu:///system")
    if match["driver"] not in _URI_DRIVERS:
        near = nearest(match["driver"], _URI_DRIVERS)
        hint = f"did you mean {near}://?" if near else f"one of {', '.join(_URI_DRIVERS)}"
        raise ValueError(f"libvirt has no driver {match['driver']!r}; {hint}")


def _positive(name: str, value: float, most: float) -> None:
    if not 0 < value <= most:
        raise ValueError(f"{name} = {value!r}: give more than 0 and at most {most:g}")


def beyond_loopback(address: str) -> bool:
    """Whether an address of the bus can be reached from other machines."""
    match = _ADDRESS.fullmatch(address)
    host = (match["host"] or "").strip("[]") if match else ""
    return bool(host) and host != "localhost" and host != "::1" and not host.startswith("127.")


def local(addresses: tuple[str, ...]) -> str:
    """The address of several that this host's own programs use."""
    return next((one for one in addresses if one.startswith("ipc:")), addresses[0])


class _Checked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section: an unknown key is an error."""


class BusSettings(_Checked, frozen=True, kw_only=True):
    """The bus: where events are published and requests are answered.

    ``keys`` is the folder of the keys that encrypt TCP (`hostmon keys`), empty for none.
    """

    events: tuple[str, ...] = ()
    requests: str | tuple[str, ...] = ""
    keys: str = ""
    ipc_mode: str = "0660"
    ipc_owner: str = ""
    heartbeat: float = 1.0
    high_water_mark: int = 100_000
    unencrypted_beyond_loopback: bool = False
    ring_mib: int = 16

    def __post_init__(self) -> None:
        for name, addresses in (("events", self.events), ("requests", self._requests)):
            for value in addresses:
                self._check(name, value)
            if self.keys and addresses and not any(a.startswith("ipc:") for a in addresses):
                raise ValueError(
                    f"{name} = {addresses[0]!r}: with keys this host's own programs need an ipc "
                    "address besides; add ipc:///PATH"
                )
        if not re.fullmatch("0?[0-7]{3}", self.ipc_mode):
            raise ValueError(f"ipc_mode = {self.ipc_mode!r}: give an octal mode such as 0660")
        if not re.fullmatch(r"[\w.-]*(:[\w.-]+)?", self.ipc_owner):
            raise ValueError(f"ipc_owner = {self.ipc_owner!r}: give USER, USER:GROUP or :GROUP")
        if not 0 < self.heartbeat <= LONGEST_HEARTBEAT:
            raise ValueError(
                f"heartbeat = {self.heartbeat!r}: give more than 0 and at most "
                f"{LONGEST_HEARTBEAT:g}; to subscribers an agent that is silent for 5 s is gone"
            )
        _positive("high_water_mark", self.high_water_mark, 10_000_000)
        _positive("ring_mib", self.ring_mib, 4095)

    def _check(self, name: str, value: str) -> None:
        try:
            check_address(value)
        except ValueError as error:
            raise ValueError(f"{name} = {value!r}: {error}") from None
        if beyond_loopback(value) and not self.keys and not self.unencrypted_beyond_loopback:
            raise ValueError(
                f"{name} = {value!r}: not encrypted, and beyond loopback; set keys, give a "
                "loopback address, or set unencrypted_beyond_loopback = true"
            )

    @property
    def _requests(self) -> tuple[str, ...]:
        given = (self.requests,) if isinstance(self.requests, str) else self.requests
        return tuple(filter(None, given))

    @property
    def events_addresses(self) -> tuple[str, ...]:
        """Where to publish: as configured, else the default socket."""
        return self.events or (f"ipc://{runtime_directory() / 'events.sock'}",)

    @property
    def requests_addresses(self) -> tuple[str, ...]:
        """Where to answer requests: as configured, else the default socket."""
        return self._requests or (f"ipc://{runtime_directory() / 'requests.sock'}",)

    @property
    def local_events(self) -> str:
        """Where this host's own programs subscribe: without keys."""
        return local(self.events_addresses)

    @property
    def local_requests(self) -> str:
        """Where this host's own programs ask: without keys."""
        return local(self.requests_addresses)


class ConnectionSettings(_Checked, frozen=True, kw_only=True):
    """The connection to libvirt, in seconds."""

    keepalive_interval: int = 5
    keepalive_count: int = 3
    retry_first: float = 0.2
    retry_longest: float = 3.0
    refresh: float = 15.0

    def __post_init__(self) -> None:
        _positive("keepalive_interval", self.keepalive_interval, 3600)
        _positive("keepalive_count", self.keepalive_count, 100)
        _positive("retry_first", self.retry_first, 60)
        _positive("retry_longest", self.retry_longest, 3600)
        _positive("refresh", self.refresh, 3600)


class LogSettings(_Checked, frozen=True, kw_only=True):
    """The agent's own log, to stderr."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class AgentSettings(_Checked, frozen=True, kw_only=True):
    """The agent; ``uri`` auto means qemu:///system, or the demo where there is no libvirtd.

    ``virt`` names the driver that connects to the hypervisor, ``vif`` the one by which commands
    plug interfaces. A guest that starts within ``reboot_window`` seconds of its stop has rebooted.
    A virt driver that keeps a cache of images looks after it every ``image_cache_interval``
    seconds, 0: never.
    """

    virt: str = "libvirt"
    vif: str = "generic"
    uri: str = "auto"
    host: str = ""
    drivers: tuple[str, ...] = ("prometheus",)
    reboot_window: float = 15.0
    image_cache_interval: float = 2400.0

    def __post_init__(self) -> None:
        size = len(self.host.encode())
        if size > HOST_NAME_MAX:
            raise ValueError(
                f"host = {self.host[:40]!r}...: is {size} bytes long; give a host's name, of "
                f"{HOST_NAME_MAX} at most"
            )
        _positive("reboot_window", self.reboot_window, 3600)
        if self.image_cache_interval:
            _positive("image_cache_interval", self.image_cache_interval, 31_536_000)
        if self.virt == "libvirt" and self.uri != "auto":
            try:
                check_uri(self.uri)
            except ValueError as error:
                raise ValueError(f"uri = {self.uri!r}: {error}") from None

    @property
    def host_name(self) -> str:
        """The name this host goes by in events."""
        return self.host or socket.gethostname()


class SamplingSettings(_Checked, frozen=True, kw_only=True):
    """How often the kernel is read, at every scrape besides, and how long a hypervisor may take.

    In seconds; twice as long after a scrape, which comes again. How often the hypervisor is asked
    is its driver's, in the section ``[virt.NAME]``.
    """

    kernel: float = 10.0
    deadline: float = 2.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not 0.1 <= value <= 3600:
                raise ValueError(f"{name} = {value!r}: give 0.1 to 3600")


class MetricsSettings(_Checked, frozen=True, kw_only=True):
    """What a page shows: a profile's families, some switched on or off, some devices left out."""

    profile: str = "hostmon"
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    without: tuple[Literal["vcpu", "disk", "interface"], ...] = ()


class AccountSettings(_Checked, frozen=True, kw_only=True):
    """What the host offers: how far it is over-committed, what is kept from guests.

    The account is audited every ``audit`` seconds; images lie in ``image_folders``, besides where
    guests' XML says. ``traits`` are what schedulers may ask for, besides those of the processors.
    For the first ``claim_grace`` seconds in which anything can be granted, from the first
    comparison with the hypervisor on, only claims of the agent's former run are, again.
    """

    vcpu_ratio: float = 1.0
    memory_ratio: float = 1.0
    disk_ratio: float = 1.0
    reserved_vcpus: int = 0
    reserved_memory_mib: int = 0
    reserved_disk_mib: int = 0
    audit: float = 300.0
    image_folders: tuple[str, ...] = ("/var/lib/libvirt/images",)
    traits: tuple[str, ...] = ()
    claim_grace: float = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.claim_grace <= 60:
            raise ValueError(f"claim_grace = {self.claim_grace!r}: give 0 to 60")
        for name in ("vcpu_ratio", "memory_ratio", "disk_ratio"):
            _positive(name, getattr(self, name), 1000)
        for name in ("reserved_vcpus", "reserved_memory_mib", "reserved_disk_mib"):
            if not 0 <= getattr(self, name) < 1 << 40:
                raise ValueError(f"{name} = {getattr(self, name)!r}: give 0 or more")
        if not 1 <= self.audit <= 86400:
            raise ValueError(f"audit = {self.audit!r}: give 1 to 86400")
        for folder in self.image_folders:
            if not folder.startswith("/"):
                raise ValueError(f"image_folders = {folder!r}: give a path from the root")
        for trait in self.traits:
            if not re.fullmatch("[A-Z][A-Z0-9_]{0,254}", trait):
                raise ValueError(f"traits = {trait!r}: give A-Z, 0-9 and _, such as CUSTOM_FAST")

    @property
    def offer(self) -> Offer:
        """The same as the ledger takes it."""
        return Offer(
            reserved_vcpus=self.reserved_vcpus,
            reserved_memory=self.reserved_memory_mib << 20,
            reserved_disk=self.reserved_disk_mib << 20,
            vcpu_ratio=self.vcpu_ratio,
            memory_ratio=self.memory_ratio,
            disk_ratio=self.disk_ratio,
        )


class Settings(_Checked, frozen=True, kw_only=True):
    """Everything; ``drivers``, ``virt``, ``vif`` and ``volume`` map a driver to its own settings.

    Each driver checks its own, and the scheduler its section.
    """

    agent: AgentSettings = AgentSettings()
    bus: BusSettings = BusSettings()
    connection: ConnectionSettings = ConnectionSettings()
    sampling: SamplingSettings = SamplingSettings()
    account: AccountSettings = AccountSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    drivers: dict[str, dict[str, Any]] = {}
    virt: dict[str, dict[str, Any]] = {}
    vif: dict[str, dict[str, Any]] = {}
    volume: dict[str, dict[str, Any]] = {}
    scheduler: dict[str, Any] = {}


def config_path(given: str | None) -> Path | None:
    """The file to load: the one given, else the system's where it exists; None: the defaults."""
    if given:
        return Path(given)
    return SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None


def load(path: Path | None) -> Settings:
    """Settings from a file; the defaults without one.

    Raises SettingsError: the file can't be read, is no TOML, or holds what is not allowed.
    """
    if path is None:
        return Settings()
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}; give a file that can be read") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    settings: Settings = convert(tree, Settings, str(path))
    return settings
