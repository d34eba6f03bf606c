"""Plugging devices in and out, believed only when libvirt's event and the guest's XML say so."""

import time

import libvirt

from hostmon.errors import DeviceNotFoundError, GuestStateError, GuestTimeoutError
from hostmon.events import DeviceRemovalFailedEvent, DeviceRemovedEvent, DomainEvent, LifecycleEvent
from hostmon.guest.affect import CONFIG, LIVE, Affect
from hostmon.guest.description import Description, key_of
from hostmon.guest.handle import asks
from hostmon.guest.signals import Watch
from hostmon.xml.common import Device
from hostmon.xml.element import Element

# QEMU's refusal of a second request while the guest still ponders the first.
_UNDER_WAY = "already in the process of unplug"
_STOPPING_S = 2.0


class Hotplug(Affect, Description):
    """The part of Guest that changes its devices."""

    @asks("attach device")
    def attach(
        self,
        device: Element,
        *,
        live: bool | None = None,
        config: bool | None = None,
        timeout: float = 10.0,
    ) -> str | None:
        """Plug a device in; returns its key once its event came and the guest's XML shows it.

        By default a running guest gets it now and a persistent one at every start; without a
        running guest there is no event, and the key is the one the device itself tells, if any.
        Raises ReadOnlyError, UnsupportedError where this sort of device cannot be plugged,
        GuestTimeoutError when no event came within ``timeout`` seconds, and LibvirtError where the
        device is refused (its target is taken, its source is missing). Blocks while QEMU does.
        """
        flags = self.affect(live, config)
        with self.watch("device-added") as watch:
            self._domain.attachDeviceFlags(device.to_xml(), flags)
            if not flags & LIVE:
                return key_of(device)
            return self._attached(watch, device, timeout)

    def _attached(self, watch: Watch, device: Element, timeout: float) -> str:
        """The key of the device whose addition an event tells; other additions are passed over."""
        wanted = key_of(device)
        deadline = time.monotonic() + timeout
        while (event := watch.wait(timeout=deadline - time.monotonic())) is not None:
            found = self.device_by_alias(str(getattr(event, "dev_alias", "")))
            # A device that names no key takes one from libvirt: then its sort must do.
            if found and (
                found[0] == wanted or (not wanted and found[1].node.tag == device.node.tag)
            ):
                return found[0]
        raise GuestTimeoutError(
            f"guest {self.name}: attach {wanted or device.node.tag}: no event within "
            f"{timeout:g} s; look at its XML before trying again"
        )

    @asks("detach device")
    def detach(
        self,
        key: str,
        *,
        live: bool | None = None,
        config: bool | None = None,
        timeout: float = 20.0,
        again_every: float = 5.0,
    ) -> None:
        """Unplug the device that :meth:`devices` names so, and wait until the guest let go of it.

        The running guest first: while it holds on, nothing is changed. It is asked again every
        ``again_every`` seconds, since one that is still booting forgets requests. Raises
        DeviceNotFoundError, ReadOnlyError, GuestTimeoutError when it did not let go in time
        (without an operating system it never does), GuestStateError when it refused or stopped
        meanwhile, UnsupportedError where this sort of device cannot be unplugged.
        """
        flags = self.affect(live, config)
        device = self.device(key, inactive=not flags & LIVE)
        if flags & LIVE:
            self._unplug(key, device, timeout, again_every)
        if flags & CONFIG:
            defined = self.devices(inactive=True).get(key, device)
            self._domain.detachDeviceFlags(defined.to_xml(), CONFIG)

    def _unplug(self, key: str, device: Element, timeout: float, again_every: float) -> None:
        alias = device.alias if isinstance(device, Device) else None
        deadline = time.monotonic() + timeout

        def settles(event: DomainEvent) -> bool:
            if isinstance(event, DeviceRemovedEvent | DeviceRemovalFailedEvent):
                return event.dev_alias == alias
            return isinstance(event, LifecycleEvent) and event.event == "stopped"

        with self.watch("device-removed", "device-removal-failed", "lifecycle") as watch:
            while (left := deadline - time.monotonic()) > 0:
                try:
                    if not self._request_unplug(key, device):
                        return
                except libvirt.libvirtError as error:
                    # A guest that stops takes its monitor with it: then its event follows.
                    lost = error.get_error_code() == libvirt.VIR_ERR_INTERNAL_ERROR
                    if not lost or (event := watch.wait(settles, _STOPPING_S)) is None:
                        raise
                else:
                    event = watch.wait(settles, min(left, again_every))
                if isinstance(event, DeviceRemovedEvent):
                    return
                if event is not None:
                    what = "stopped" if isinstance(event, LifecycleEvent) else "refused"
                    raise GuestStateError(f"guest {self.name}: {what} while it was to let {key} go")
        raise GuestTimeoutError(
            f"guest {self.name}: detach {key}: not let go within {timeout:g} s; "
            "is its operating system up?"
        )

    def _request_unplug(self, key: str, device: Element) -> bool:
        """Ask once; False when the device is gone already."""
        try:
            self._domain.detachDeviceFlags(device.to_xml(), LIVE)
        except libvirt.libvirtError as error:
            if _UNDER_WAY in str(error):
                return True
            if error.get_error_code() == libvirt.VIR_ERR_DEVICE_MISSING:
                if key in self.devices():
                    raise
                return False
            raise
        return True

    @asks("update device")
    def update(
        self, device: Element, *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Change a device that is there: a CD-ROM's medium, an interface's link or filter.

        Raises DeviceNotFoundError, ReadOnlyError, and UnsupportedError for what cannot be changed
        while the guest runs. Blocks while QEMU does.
        """
        key = key_of(device)
        flags = self.affect(live, config)
        if key and key not in self.devices(inactive=not flags & LIVE):
            raise DeviceNotFoundError(f"guest {self.name}: has no {key}; attach it instead")
        self._domain.updateDeviceFlags(device.to_xml(), flags)
