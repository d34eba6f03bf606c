"""The secrets that libvirt keeps for disks, TLS and TPMs: what for, and on request their value."""

import uuid as uuidlib

import libvirt

from hostmon.choices import chosen
from hostmon.errors import ObjectNotFoundError
from hostmon.host.connection import Connection
from hostmon.libvirt_errors import translated
from hostmon.xml.secret import Secret

# What a secret is for (virSecretUsageType).
USAGES = {
    "volume": libvirt.VIR_SECRET_USAGE_TYPE_VOLUME,
    "ceph": libvirt.VIR_SECRET_USAGE_TYPE_CEPH,
    "iscsi": libvirt.VIR_SECRET_USAGE_TYPE_ISCSI,
    "tls": libvirt.VIR_SECRET_USAGE_TYPE_TLS,
    "vtpm": libvirt.VIR_SECRET_USAGE_TYPE_VTPM,
}


class HostSecrets(Connection):
    """The part of Host that is about secrets. UnsupportedError where the driver has none."""

    @translated("secrets")
    def secrets(self) -> tuple[Secret, ...]:
        """Every secret, without its value."""
        return tuple(Secret.parse(one.XMLDesc(0)) for one in self.connection.listAllSecrets(0))

    @translated("secret")
    def secret(self, uuid: uuidlib.UUID) -> Secret:
        """One secret, without its value; raises ObjectNotFoundError."""
        return Secret.parse(self.connection.secretLookupByUUID(uuid.bytes).XMLDesc(0))

    def find_secret(self, usage: str, name: str) -> Secret | None:
        """The secret for a use (USAGES): a volume's path, or a name. None if there is none.

        Raises ArgumentError for another use.
        """
        try:
            return Secret.parse(self._by_usage(usage, name).XMLDesc(0))
        except ObjectNotFoundError:
            return None

    @translated("secret")
    def _by_usage(self, usage: str, name: str) -> libvirt.virSecret:
        return self.connection.secretLookupByUsage(chosen("usage", usage, USAGES), name)

    @translated("define secret")
    def define_secret(self, secret: Secret, value: bytes | None = None) -> Secret:
        """Keep a secret and, if given, its value; returns it with its uuid.

        Raises ReadOnlyError, LibvirtError where the use has a secret already. When setting the
        value fails the secret is not kept.
        """
        kept = self.connection.secretDefineXML(secret.to_xml(), 0)
        if value is not None:
            try:
                kept.setValue(value, 0)
            except libvirt.libvirtError:
                kept.undefine()
                raise
        return Secret.parse(kept.XMLDesc(0))

    @translated("delete secret")
    def delete_secret(self, uuid: uuidlib.UUID) -> None:
        """Forget a secret; raises ReadOnlyError, ObjectNotFoundError."""
        self.connection.secretLookupByUUID(uuid.bytes).undefine()
