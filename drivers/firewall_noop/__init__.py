"""The firewall that does nothing: for hosts whose filtering is somebody else's affair."""

import uuid

from hostmon.driver import FirewallCapabilities
from hostmon.guest import Guest
from hostmon.points import Filter, FirewallDriver, PointContext, Port


class NoopFirewall(FirewallDriver):
    """Filters nothing."""

    api_versions = (2, 2)
    capabilities = FirewallCapabilities()

    def start(self, context: PointContext) -> None:
        """Needs nothing."""

    def protect(self, guest: Guest, port: Port) -> Filter | None:
        """Nothing to refer to."""
        del guest, port
        return None

    def missing(self, guest: Guest) -> tuple[str, ...]:
        """Filters that others have made are others' to check."""
        del guest
        return ()

    def forget(self, guest: uuid.UUID) -> bool:
        """There was none."""
        del guest
        return False
