"""What applications and people keep with a guest: elements by namespace, title, description."""

import libvirt

from hostmon.guest.affect import Affect
from hostmon.guest.handle import asks


class Metadata(Affect):
    """The part of Guest that is about its metadata. Setting it raises the event metadata-change."""

    @asks("title")
    def title(self) -> str | None:
        """The guest's title (virDomainGetMetadata)."""
        return self._read(libvirt.VIR_DOMAIN_METADATA_TITLE, None, 0)

    @asks("description")
    def description(self) -> str | None:
        """The guest's description, for people."""
        return self._read(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, None, 0)

    @asks("metadata")
    def metadata(self, uri: str, *, inactive: bool = False) -> str | None:
        """The element of this namespace as text, None where there is none.

        ``inactive`` asks for that of the next start.
        """
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG if inactive else 0
        return self._read(libvirt.VIR_DOMAIN_METADATA_ELEMENT, uri, flags)

    def _read(self, kind: int, uri: str | None, flags: int) -> str | None:
        try:
            return str(self._domain.metadata(kind, uri, flags))
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
                return None
            raise

    @asks("set title")
    def set_title(
        self, text: str | None, *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Set the title, one line; None removes it. Raises ReadOnlyError."""
        self._write(libvirt.VIR_DOMAIN_METADATA_TITLE, text, None, None, (live, config))

    @asks("set description")
    def set_description(
        self, text: str | None, *, live: bool | None = None, config: bool | None = None
    ) -> None:
        """Set the description; None removes it. Raises ReadOnlyError."""
        self._write(libvirt.VIR_DOMAIN_METADATA_DESCRIPTION, text, None, None, (live, config))

    @asks("set metadata")
    def set_metadata(
        self,
        uri: str,
        prefix: str,
        xml: str | None,
        *,
        live: bool | None = None,
        config: bool | None = None,
    ) -> None:
        """Replace the element of this namespace, or remove it with None; the others stay.

        ``xml`` is one element without the prefix: libvirt puts it into the namespace ``uri`` and
        writes it with ``prefix``. Raises ReadOnlyError, LibvirtError where ``xml`` is not
        well formed.
        """
        self._write(libvirt.VIR_DOMAIN_METADATA_ELEMENT, xml, prefix, uri, (live, config))

    def _write(
        self,
        kind: int,
        text: str | None,
        prefix: str | None,
        uri: str | None,
        where: tuple[bool | None, bool | None],
    ) -> None:
        self._domain.setMetadata(kind, text, prefix, uri, self.affect(*where))
