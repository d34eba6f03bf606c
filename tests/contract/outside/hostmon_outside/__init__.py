"""A driver from outside the tree: appends the kind of each event to a file."""

from pathlib import Path
from typing import ClassVar

import msgspec

from hostmon.driver import Capabilities, Driver, DriverContext
from hostmon.errors import DriverError
from hostmon.events import Event
from hostmon.wire import kind_of


class OutsideSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``path`` is the file to append to."""

    path: str


class OutsideDriver(Driver):
    """Appends the kind and number of each event to a file."""

    api_versions = (2, 2)
    settings_type: ClassVar[type[msgspec.Struct]] = OutsideSettings
    capabilities = Capabilities(topics=("lifecycle", "connection"))

    def start(self, context: DriverContext) -> None:
        """Open the file; a DriverError says why it can't be."""
        path = Path(context.settings.path)
        try:
            self._file = path.open("a", buffering=1)
        except OSError as error:
            raise DriverError(
                f"path = {str(path)!r}: {error.strerror}; give one it may write"
            ) from None

    def handle(self, event: Event) -> None:
        """One line an event."""
        self._file.write(f"{kind_of(event)} {event.sequence}\n")

    def stop(self) -> None:
        """Close what start opened."""
        if hasattr(self, "_file"):
            self._file.close()
