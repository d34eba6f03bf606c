"""What of a guest outlives its runs: its definition and whether it starts with the host.

Defining and creating are Host's, since before them there is no guest.
"""

from typing import Literal

from hostmon.choices import chosen
from hostmon.guest.handle import Handle, asks
from hostmon.libvirt_errors import constant


class Definition(Handle):
    """The part of Guest that is about its definition."""

    @asks("undefine")
    def undefine(
        self,
        *,
        managed_save: bool = False,
        snapshots: bool = False,
        checkpoints: bool = False,
        nvram: Literal["drop", "keep"] | None = None,
        tpm: Literal["drop", "keep"] | None = None,
    ) -> None:
        """Forget the definition, and what libvirt keeps beside it; disks are never touched.

        Event: undefined. A running guest becomes transient. Where a guest has a managed save,
        snapshots' or checkpoints' metadata, or variables of its firmware, libvirt refuses
        (GuestStateError) unless told here what becomes of them. Raises ReadOnlyError,
        GuestStateError for a transient guest, UnsupportedError or LibvirtError where libvirt or the
        driver lacks a choice.
        """
        kept = {
            "MANAGED_SAVE": managed_save,
            "SNAPSHOTS_METADATA": snapshots,
            "CHECKPOINTS_METADATA": checkpoints,
        }
        names = [name for name, forget in kept.items() if forget]
        for what, choice in (("nvram", nvram), ("tpm", tpm)):
            flag = what.upper()
            names += chosen(what, choice, {None: [], "drop": [flag], "keep": [f"KEEP_{flag}"]})
        # Looked up late: the TPM's are newer than the oldest libvirt supported.
        flags = sum(constant(f"VIR_DOMAIN_UNDEFINE_{name}", "undefine") for name in names)
        self._domain.undefineFlags(flags)

    @asks("set autostart")
    def set_autostart(self, on: bool) -> None:
        """Start it with the host, or not; facts() tells. No event.

        Raises ReadOnlyError, GuestStateError for a transient guest.
        """
        self._domain.setAutostart(int(on))

    @asks("rename")
    def rename(self, name: str) -> None:
        """Give it another name while it is off; this object then has the new one.

        Events: undefined (renamed), defined (renamed). Raises ReadOnlyError, GuestStateError while
        it runs, LibvirtError when the name is taken.
        """
        self._domain.rename(name, 0)
        self._domain = self._domain.connect().lookupByUUID(self._domain.UUID())
