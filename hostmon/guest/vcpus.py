"""A guest's vCPUs: how many, where they may run, where they ran last and for how long."""

from collections.abc import Iterable, Sequence

import libvirt
import msgspec

from hostmon.guest.affect import Affect
from hostmon.guest.handle import asks

_STATES = {
    libvirt.VIR_VCPU_OFFLINE: "offline",
    libvirt.VIR_VCPU_RUNNING: "running",
    libvirt.VIR_VCPU_BLOCKED: "blocked",
}


class Vcpu(msgspec.Struct, frozen=True):
    """One vCPU; ``cpu`` is where it ran last (-1: unknown), ``affinity`` where it may run."""

    number: int
    state: str | int
    time_ns: int
    cpu: int
    affinity: tuple[int, ...]


def _cpus(mask: Sequence[bool]) -> tuple[int, ...]:
    return tuple(cpu for cpu, allowed in enumerate(mask) if allowed)


class Vcpus(Affect):
    """The part of Guest that is about its vCPUs."""

    @asks("vCPUs")
    def vcpus(self) -> tuple[Vcpu, ...]:
        """The vCPUs of a running guest (virDomainGetVcpus). Raises GuestStateError when off."""
        times, masks = self._domain.vcpus()
        return tuple(
            Vcpu(number, _STATES.get(state, state), time, cpu, _cpus(mask))
            for (number, state, time, cpu), mask in zip(times, masks, strict=True)
        )

    @asks("number of vCPUs")
    def vcpu_count(self, *, maximum: bool = False, inactive: bool = False) -> int:
        """How many it has, or may have; those of its next start with ``inactive``.

        Raises GuestStateError where a guest that is off is asked for what it has now.
        """
        where = libvirt.VIR_DOMAIN_VCPU_CONFIG if inactive else libvirt.VIR_DOMAIN_VCPU_CURRENT
        flags = where | (libvirt.VIR_DOMAIN_VCPU_MAXIMUM if maximum else 0)
        return int(self._domain.vcpusFlags(flags))

    @asks("vCPU pinning")
    def vcpu_pins(self, *, inactive: bool = False) -> tuple[tuple[int, ...], ...]:
        """The host's processors that each vCPU may use, by the vCPU's number.

        Source: virDomainGetVcpuPinInfo.
        """
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG if inactive else 0
        return tuple(_cpus(mask) for mask in self._domain.vcpuPinInfo(flags))

    @asks("emulator's pinning")
    def emulator_pin(self, *, inactive: bool = False) -> tuple[int, ...]:
        """The host's processors that the emulator's own threads may use."""
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG if inactive else 0
        return _cpus(self._domain.emulatorPinInfo(flags))

    @asks("set vCPUs")
    def set_vcpus(
        self, count: int, *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Change how many vCPUs it has, up to its maximum. libvirt announces nothing.

        Raises ReadOnlyError, LibvirtError above the maximum, UnsupportedError where vCPUs cannot be
        plugged, GuestBusyError or LibvirtError where the guest does not let one go.
        """
        self._domain.setVcpusFlags(count, self.affect(live, config))

    @asks("set the maximum of vCPUs")
    def set_max_vcpus(self, count: int) -> None:
        """Change the most it may have, from its next start. Raises ReadOnlyError."""
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG | libvirt.VIR_DOMAIN_VCPU_MAXIMUM
        self._domain.setVcpusFlags(count, flags)

    @asks("pin a vCPU")
    def pin_vcpu(
        self,
        number: int,
        cpus: Iterable[int],
        *,
        live: bool | None = None,
        config: bool | None = None,
    ) -> None:
        """Let a vCPU run on these processors of the host only. Event: tunable, when live.

        Raises ReadOnlyError, LibvirtError for a vCPU or processor that does not exist.
        """
        mask = self._mask(cpus)
        self._domain.pinVcpuFlags(number, mask, self.affect(live, config))

    @asks("pin the emulator")
    def pin_emulator(
        self, cpus: Iterable[int], *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Let the emulator's own threads run on these processors only. Event: tunable, when live.

        Raises ReadOnlyError, LibvirtError for a processor that does not exist.
        """
        self._domain.pinEmulator(self._mask(cpus), self.affect(live, config))

    def _mask(self, cpus: Iterable[int]) -> tuple[bool, ...]:
        wanted = set(cpus)
        return tuple(cpu in wanted for cpu in range(max(wanted, default=-1) + 1))
