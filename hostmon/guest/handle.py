"""The domain behind a guest: its identity, and how its calls name it in errors.

The base of every part of Guest; knows nothing of what the parts ask.
"""

import functools
import uuid as uuidlib
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import libvirt

from hostmon.guest.signals import Signals, Watch
from hostmon.libvirt_errors import translate

P = ParamSpec("P")
R = TypeVar("R")
H = TypeVar("H", bound="Handle")


class Handle:
    """One domain, and the signals of its connection."""

    def __init__(self, domain: libvirt.virDomain, signals: Signals) -> None:
        self._domain = domain
        self._signals = signals

    @property
    def uuid(self) -> uuidlib.UUID:
        """The guest's identity for life."""
        return uuidlib.UUID(bytes=self._domain.UUID())

    @property
    def name(self) -> str:
        """The guest's name, as of when libvirt was asked for this guest."""
        return str(self._domain.name())

    @property
    def id(self) -> int:
        """libvirt's number of the running guest, -1 when it is not running."""
        return int(self._domain.ID())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.uuid}>"

    def watch(self, *kinds: str) -> Watch:
        """Watch this guest's events of these kinds: ``with guest.watch("lifecycle") as watch:``.

        Start to watch before asking for what causes an event, and none is missed. Raises
        ArgumentError for a kind that is not among ``hostmon.guest.signals.KINDS``; entering raises
        UnsupportedError for one that the connection does not have.
        """
        return self._signals.watch(self.uuid.bytes, kinds)


def asks(what: str) -> Callable[[Callable[Concatenate[H, P], R]], Callable[Concatenate[H, P], R]]:
    """Make a method raise our errors, naming the guest and ``what`` it was asked for."""

    def decorate(method: Callable[Concatenate[H, P], R]) -> Callable[Concatenate[H, P], R]:
        @functools.wraps(method)
        def call(self: H, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(self, *args, **kwargs)
            except libvirt.libvirtError as error:
                raise translate(error, f"guest {self.name}: {what}") from error

        return call

    return decorate
