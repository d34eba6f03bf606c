"""The errors hostmon raises: one small tree; each docstring says who is at fault.

A message names the thing, the value and the remedy, in one line.
"""


class HostmonError(Exception):
    """Base of every error that hostmon raises on purpose."""


class SettingsError(HostmonError):
    """The operator's configuration is wrong; nothing has been started."""


class ArgumentError(HostmonError, ValueError):
    """A call was given a value that it does not take; the caller's fault, nothing was done."""


class AddressInUseError(HostmonError):
    """Another process holds an address that the configuration names."""


class HypervisorError(HostmonError):
    """A hypervisor refused or failed a call, or its connection is gone."""


class LibvirtError(HypervisorError):
    """libvirt refused or failed a call; ``code`` is its VIR_ERR number, 0 if it gave none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class NotConnectedError(LibvirtError):
    """There is no connection to libvirt now; hostmon keeps trying, the caller may wait."""


class GuestNotFoundError(LibvirtError):
    """libvirt knows no such guest: it vanished, or the caller named it wrongly."""


class ObjectNotFoundError(LibvirtError):
    """libvirt knows no such network, pool, volume, secret, filter or device of the host."""


class DeviceNotFoundError(LibvirtError):
    """The guest has no such device; the caller named it wrongly, or it was unplugged."""


class GuestStateError(LibvirtError):
    """The guest's state forbids the call (it is off, or runs already); the caller's fault."""


class GuestBusyError(LibvirtError):
    """The guest is busy with another call, or does not answer libvirt; trying later may help."""


class ReadOnlyError(LibvirtError):
    """A read-only connection was asked to act; the caller opens a read-write Host for that."""


class UnsupportedError(LibvirtError):
    """What was asked is beyond this libvirt, hypervisor or guest."""


class GuestTimeoutError(HostmonError):
    """The guest was asked, and did not do it in time; it may still do it later."""


class XMLError(HostmonError):
    """A document is not well formed, exceeds a limit, or breaks the model; its author's fault.

    ``line`` is where in the document, 0 where no line can be told.
    """

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class RequestRefusedError(HostmonError):
    """The host cannot do what a request for a guest asks; the message says what it can do."""


class AgentUnreachableError(HostmonError):
    """No running agent answered on its request socket."""


class ProtocolError(HostmonError):
    """Bytes from the bus do not follow docs/wire.md; the peer's fault."""


class RefusedError(HostmonError):
    """The agent refuses a question; ``code`` says why (docs/wire.md), whoever asked is at fault."""

    def __init__(self, message: str, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code


class DriverError(HostmonError):
    """A driver can't be loaded, or says that it failed; the driver's fault."""


class ContractError(HostmonError):
    """A driver returned or raised what it does not declare; the driver's fault.

    ``method`` is the call, ``trace`` the traceback, empty for a wrong return.
    """

    def __init__(self, message: str, method: str = "", trace: str = "") -> None:
        super().__init__(message)
        self.method = method
        self.trace = trace


class ImageError(HostmonError):
    """A disk image is not what its guest's XML declares; whoever wrote the image is at fault."""
