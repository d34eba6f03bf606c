"""Whether a change is made to the running guest, to its next start, or to both.

Owns the one rule for what a caller leaves open, and libvirt's flags for it.
"""

import libvirt

from hostmon.guest.facts import Facts

LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE
CONFIG = libvirt.VIR_DOMAIN_AFFECT_CONFIG


class Affect(Facts):
    """The base of the parts that change a guest."""

    def affect(self, live: bool | None, config: bool | None) -> int:
        """libvirt's flags; what is None is decided by what there is to change.

        A running guest is changed live, a persistent one in its definition, so that by default a
        change lasts. ``live=False, config=False`` leaves the choice to libvirt.
        """
        chosen_live = self.is_active() if live is None else live
        chosen_config = self.is_persistent() if config is None else config
        return (LIVE if chosen_live else 0) | (CONFIG if chosen_config else 0)
