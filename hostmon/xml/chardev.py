"""Character devices: serial and parallel ports, consoles, channels, and what else is made of them.

All are a backend on the host (a pty, socket, file, ...) and a target in the guest.
"""

from hostmon.xml.common import Device, DeviceSeclabel, Reconnect
from hostmon.xml.element import INT, ON_OFF, YES_NO, Child, Children, Element, Value, Values


class CharSource(Element):
    """The host's side; the device's type tells which of the fields apply."""

    tag = "source"
    key = ("mode",)
    mode = Value("@mode")
    path = Value("@path")
    host = Value("@host")
    service = Value("@service")
    channel = Value("@channel")
    master = Value("@master")
    slave = Value("@slave")
    append = Value("@append", ON_OFF)
    tls = Value("@tls", YES_NO)
    reconnect = Child("reconnect", Reconnect)
    seclabels = Children("seclabel", DeviceSeclabel)
    clipboard_copypaste = Value("clipboard/@copypaste", YES_NO)
    mouse_mode = Value("mouse/@mode")


class CharBackend(Element):
    """The host's side of a character device."""

    type = Value("@type")
    # Two of them, for UDP: where to bind and where to connect to.
    sources = Children("source", CharSource)
    protocol = Value("protocol/@type")
    log_file = Value("log/@file")
    log_append = Value("log/@append", ON_OFF)


class CharTarget(Element):
    """The guest's side."""

    tag = "target"
    type = Value("@type")
    port = Value("@port", INT)
    address = Value("@address")
    name = Value("@name")
    state = Value("@state")
    model = Value("model/@name")


class CharDevice(CharBackend, Device):
    """A serial or parallel port, console or channel."""

    tag = "serial"
    key = ("target_key",)
    tty = Value("@tty")
    target = Child("target", CharTarget)

    @property
    def target_key(self) -> str | None:
        """The target's name or port, which tells ports of one sort apart."""
        target = self.target
        if target is None:
            return None
        return target.name or (None if target.port is None else str(target.port))


class Serial(CharDevice):
    """A serial port."""

    tag = "serial"


class Parallel(CharDevice):
    """A parallel port."""

    tag = "parallel"


class Console(CharDevice):
    """A console."""

    tag = "console"


class Channel(CharDevice):
    """A channel between guest and host, such as the guest agent's."""

    tag = "channel"


class Smartcard(CharBackend, Device):
    """A smart card, of the host, of certificates, or passed through."""

    tag = "smartcard"
    mode = Value("@mode")
    target = Child("target", CharTarget)
    database = Value("database")
    certificates = Values("certificate")


class Redirdev(CharBackend, Device):
    """A USB device redirected from a viewer."""

    tag = "redirdev"
    bus = Value("@bus")
    boot_order = Value("boot/@order", INT)
    boot_loadparm = Value("boot/@loadparm")


class RngBackend(CharBackend):
    """Where random numbers come from: ``random`` (a device file), ``egd`` or ``builtin``."""

    tag = "backend"
    model = Value("@model")
    path = Value(".")
