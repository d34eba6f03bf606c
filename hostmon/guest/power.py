"""A guest's life: launch, shutdown, reboot, suspend, resume, save.

Each call but reboot has taken effect when it returns.
Source: libvirt's virDomainCreateWithFlags and its like.
"""

import time

import libvirt

from hostmon.choices import chosen
from hostmon.errors import GuestStateError, GuestTimeoutError
from hostmon.events import DomainEvent, LifecycleEvent
from hostmon.guest.facts import Facts
from hostmon.guest.handle import asks

# How a guest may be asked, by libvirt's names; the numbers of shutdown and of reboot are the same.
MODES = {
    "default": libvirt.VIR_DOMAIN_SHUTDOWN_DEFAULT,
    "acpi": libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN,
    "agent": libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT,
    "initctl": libvirt.VIR_DOMAIN_SHUTDOWN_INITCTL,
    "signal": libvirt.VIR_DOMAIN_SHUTDOWN_SIGNAL,
    "paravirt": libvirt.VIR_DOMAIN_SHUTDOWN_PARAVIRT,
}
# How a saved guest comes back: paused, running, or as it was.
PAUSED = {
    None: 0,
    True: libvirt.VIR_DOMAIN_SAVE_PAUSED,
    False: libvirt.VIR_DOMAIN_SAVE_RUNNING,
}


def _is_stop(event: DomainEvent) -> bool:
    return isinstance(event, LifecycleEvent) and event.event == "stopped"


class Power(Facts):
    """The part of Guest that starts and stops it. All of it raises ReadOnlyError as Guest says."""

    @asks("launch")
    def launch(self, *, paused: bool = False, force_boot: bool = False) -> None:
        """Start the guest; from its managed save where it has one, unless ``force_boot``.

        Events: started (booted or restored), resumed. Raises GuestStateError when it runs already,
        LibvirtError when QEMU does not start (the message holds its last words).
        """
        self._domain.createWithFlags(
            (libvirt.VIR_DOMAIN_START_PAUSED if paused else 0)
            | (libvirt.VIR_DOMAIN_START_FORCE_BOOT if force_boot else 0)
        )

    @asks("shutdown")
    def shutdown(
        self, timeout: float = 60.0, *, again_every: float = 10.0, mode: str = "default"
    ) -> None:
        """Ask the guest to shut down, and wait until it is off.

        It is asked again every ``again_every`` seconds: one that is still booting forgets requests.
        Events: shutdown, stopped. Raises GuestTimeoutError when it still runs after ``timeout``
        seconds (it may yet stop), GuestStateError when it is off to begin with, GuestBusyError
        where ``mode="agent"`` and the agent does not answer, ArgumentError for a mode that is not
        among MODES.
        """
        how = chosen("mode", mode, MODES)
        deadline = time.monotonic() + timeout
        with self.watch("lifecycle") as watch:
            self._domain.shutdownFlags(how)
            while watch.wait(_is_stop, min(again_every, deadline - time.monotonic())) is None:
                if time.monotonic() >= deadline:
                    raise GuestTimeoutError(
                        f"guest {self.name}: still runs {timeout:g} s after it was asked to shut "
                        "down; wait longer, or power it off"
                    )
                if not self._ask_again(how):
                    return

    def _ask_again(self, mode: int) -> bool:
        """Ask once more; False when it has stopped meanwhile."""
        try:
            self._domain.shutdownFlags(mode)
        except libvirt.libvirtError as error:
            gone = {libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID}
            if error.get_error_code() in gone:
                return False
            raise
        return True

    @asks("power off")
    def power_off(self, *, graceful: bool = False) -> None:
        """Stop the guest at once, as by its plug; its data in flight is lost.

        Event: stopped (destroyed). With ``graceful`` QEMU is asked, never killed, and
        GuestBusyError raised when it does not end. Raises GuestStateError when it is off.
        """
        self._domain.destroyFlags(libvirt.VIR_DOMAIN_DESTROY_GRACEFUL if graceful else 0)

    @asks("reboot")
    def reboot(self, timeout: float | None = None, *, mode: str = "default") -> None:
        """Ask the guest to reboot; with a timeout, wait until it does.

        Event: reboot, no lifecycle event. Raises GuestTimeoutError when it did not within
        ``timeout`` seconds, GuestStateError when it is off, ArgumentError for a mode that is not
        among MODES.
        """
        how = chosen("mode", mode, MODES)
        with self.watch("reboot") as watch:
            self._domain.reboot(how)
            if timeout is not None and watch.wait(timeout=timeout) is None:
                raise GuestTimeoutError(
                    f"guest {self.name}: has not rebooted within {timeout:g} s; "
                    "is its operating system up? reset it otherwise"
                )

    @asks("reset")
    def reset(self) -> None:
        """Reset the guest as by its button, without asking it.

        Event: reboot. Raises GuestStateError when it is off.
        """
        self._domain.reset()

    @asks("suspend")
    def suspend(self) -> None:
        """Stop its vCPUs; its memory stays. Event: suspended (paused).

        Raises GuestStateError when it is off.
        """
        self._domain.suspend()

    @asks("resume")
    def resume(self) -> None:
        """Let its vCPUs run again. Event: resumed (unpaused).

        Raises GuestStateError when it is not paused, or paused for a failure that lasts.
        """
        state = self.state()
        if state.name == "running":
            raise GuestStateError(f"guest {self.name}: resume: it runs; suspend it first")
        self._domain.resume()

    @asks("save")
    def save(self, path: str | None = None, *, paused: bool | None = None) -> None:
        """Write its memory to a file and stop it: to ``path``, or to where launch finds it.

        ``paused`` says how it comes back, None as it is now. Events: suspended, job-completed,
        stopped (saved). Raises GuestStateError when it is off, and for a guest without a definition
        unless a path is given; UnsupportedError where a device of it cannot be saved. Blocks until
        all is written; abort_job() on another connection's guest ends it early.
        """
        flags = chosen("paused", paused, PAUSED)
        if path is None:
            self._domain.managedSave(flags)
        else:
            self._domain.saveFlags(path, None, flags)

    @asks("managed save")
    def has_saved(self) -> bool:
        """Whether the next launch resumes what was saved (virDomainHasManagedSaveImage)."""
        return bool(self._domain.hasManagedSaveImage(0))

    @asks("drop the managed save")
    def drop_saved(self) -> None:
        """Remove the managed save, so that the next launch boots. Raises LibvirtError if none."""
        self._domain.managedSaveRemove(0)
