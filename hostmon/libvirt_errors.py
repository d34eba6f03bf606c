"""libvirt's errors as ours, with libvirt's code kept; and its printing of them switched off."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import libvirt

from hostmon.errors import GuestNotFoundError, LibvirtError, NotConnectedError

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
    if code == libvirt.VIR_ERR_NO_DOMAIN:
        return GuestNotFoundError(text, code)
    if code in _CONNECTION_CODES or any(closed in text for closed in _CLOSED_TEXTS):
        return NotConnectedError(text, code)
    return LibvirtError(text, code)


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
