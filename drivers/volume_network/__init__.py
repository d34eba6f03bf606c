"""Volumes that servers keep, reached by QEMU itself: Ceph's rbd, iscsi, nbd."""

from hostmon.driver import VolumeCapabilities
from hostmon.points import NetworkVolume, StorageServer, Volume, VolumeDriver, disk_for
from hostmon.points.volume import refuse_type
from hostmon.xml.disk import Disk
from hostmon.xml.disksource import Auth, DiskSource, SecretRef, StorageHost

# The kind of libvirt's secret that logs in at each sort of server.
_SECRETS = {"rbd": "ceph", "iscsi": "iscsi"}


class NetworkVolumes(VolumeDriver):
    """Plugs volumes of Ceph (rbd), iSCSI and NBD servers."""

    api_versions = (2, 2)
    capabilities = VolumeCapabilities(types=("network",), protocols=("rbd", "iscsi", "nbd"))

    def element(self, volume: Volume) -> Disk:
        """A disk of type network, with its servers and its log-in."""
        if not isinstance(volume, NetworkVolume):
            raise refuse_type(volume, self)
        source = DiskSource(
            protocol=volume.protocol,
            name=volume.name or None,
            hosts=[storage_host(server) for server in volume.servers],
        )
        if volume.secret is not None:
            secret = SecretRef(type=_SECRETS[volume.protocol], uuid=str(volume.secret))
            source.auth = Auth(username=volume.user, secret=secret)
        if volume.initiator:
            source.initiator_iqn = volume.initiator
        return disk_for(volume, source)


def storage_host(server: StorageServer) -> StorageHost:
    """A server as libvirt writes it."""
    if server.socket:
        return StorageHost(transport="unix", socket=server.socket)
    return StorageHost(name=server.name, port=None if server.port is None else str(server.port))
