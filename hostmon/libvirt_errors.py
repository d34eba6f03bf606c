"""libvirt's errors as ours, with libvirt's code kept; and its printing of them switched off."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import libvirt

from hostmon.errors import (
    DeviceNotFoundError,
    GuestBusyError,
    GuestNotFoundError,
    GuestStateError,
    LibvirtError,
    NotConnectedError,
    ObjectNotFoundError,
    ReadOnlyError,
    UnsupportedError,
)

P = ParamSpec("P")
R = TypeVar("R")

# Codes and domains after which the connection itself is of no more use.
_CONNECTION_CODES = frozenset(
    {
        libvirt.VIR_ERR_NO_CONNECT,
        libvirt.VIR_ERR_INVALID_CONN,
        libvirt.VIR_ERR_RPC,
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
    }
)
_MEANINGS: dict[int, type[LibvirtError]] = {
    **dict.fromkeys(_CONNECTION_CODES, NotConnectedError),
    **dict.fromkeys(
        (
            libvirt.VIR_ERR_NO_NETWORK,
            libvirt.VIR_ERR_NO_STORAGE_POOL,
            libvirt.VIR_ERR_NO_STORAGE_VOL,
            libvirt.VIR_ERR_NO_NODE_DEVICE,
            libvirt.VIR_ERR_NO_NWFILTER,
            libvirt.VIR_ERR_NO_INTERFACE,
            libvirt.VIR_ERR_NO_SECRET,
        ),
        ObjectNotFoundError,
    ),
    **dict.fromkeys(
        (
            libvirt.VIR_ERR_NO_SUPPORT,
            libvirt.VIR_ERR_CONFIG_UNSUPPORTED,
            libvirt.VIR_ERR_OPERATION_UNSUPPORTED,
            libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED,
        ),
        UnsupportedError,
    ),
    libvirt.VIR_ERR_NO_DOMAIN: GuestNotFoundError,
    libvirt.VIR_ERR_DEVICE_MISSING: DeviceNotFoundError,
    libvirt.VIR_ERR_OPERATION_INVALID: GuestStateError,
    libvirt.VIR_ERR_OPERATION_TIMEOUT: GuestBusyError,
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE: GuestBusyError,
    libvirt.VIR_ERR_OPERATION_DENIED: ReadOnlyError,
}
_CLOSED_TEXTS = ("client socket is closed", "connection closed", "keepalive", "Cannot recv data")


def silence() -> None:
    """Stop libvirt from printing every error to stderr: each is raised, and logged by us."""
    libvirt.registerErrorHandler(_ignore, None)


def _ignore(_context: object, _error: object) -> None:
    """Take the place of libvirt's printing handler."""


def translate(error: libvirt.libvirtError, what: str) -> LibvirtError:
    """Our error for libvirt's; ``what`` names the thing that was asked for."""
    code = error.get_error_code() or 0
    text = f"{what}: {error.get_error_message() or error}"
    if code == libvirt.VIR_ERR_SYSTEM_ERROR and error.get_error_domain() == libvirt.VIR_FROM_RPC:
        # What the operating system refused the socket: nobody listens, or the peer has gone.
        return NotConnectedError(f"{text}; is libvirtd running?", code)
    if any(closed in text for closed in _CLOSED_TEXTS):
        return NotConnectedError(text, code)
    return _MEANINGS.get(code, LibvirtError)(text, code)


def constant(name: str, what: str) -> int:
    """The number of a name that not every libvirt has; raises UnsupportedError."""
    number = getattr(libvirt, name, None)
    if number is None:
        raise UnsupportedError(f"{what}: this libvirt has no {name}; it takes a newer one")
    return int(number)


def translated(what: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function raise our errors, naming ``what`` it asks libvirt for."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except libvirt.libvirtError as error:
                raise translate(error, what) from error

        return call

    return decorate
