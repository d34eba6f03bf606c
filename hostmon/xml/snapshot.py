"""Snapshots, checkpoints and backups of a guest's disks."""

from hostmon.xml.cpu import Cpu
from hostmon.xml.disk import DiskDriver
from hostmon.xml.disksource import DiskSource
from hostmon.xml.domain import Domain
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Flag, Value


class InactiveDomain(Domain):
    """The guest's persistent description at the time of the snapshot."""

    tag = "inactiveDomain"


class SnapshotDisk(Element):
    """What happens to one disk."""

    tag = "disk"
    key = ("name",)
    name = Value("@name")
    snapshot = Value("@snapshot")
    snapshot_delete_in_progress = Value("@snapshotDeleteInProgress", YES_NO)
    type = Value("@type")
    driver = Child("driver", DiskDriver)
    source = Child("source", DiskSource)


class SnapshotDisks(Element):
    """The disks; an empty list lets libvirt choose."""

    tag = "disks"
    disks = Children("disk", SnapshotDisk)


class Snapshot(Element):
    """A snapshot."""

    tag = "domainsnapshot"
    name = Value("name")
    description = Value("description")
    state = Value("state")
    creation_time = Value("creationTime", INT)
    parent = Value("parent/name")
    memory = Value("memory/@snapshot")
    memory_file = Value("memory/@file")
    disks = Child("disks", SnapshotDisks)
    domain = Child("domain", Domain)
    inactive_domain = Child("inactiveDomain", InactiveDomain)
    active = Value("active", INT)
    cookie_cpu = Child("cookie/cpu", Cpu)
    cookie_slirp_helper = Flag("cookie/slirpHelper")


class CheckpointDisk(Element):
    """The bitmap of one disk."""

    tag = "disk"
    key = ("name",)
    name = Value("@name")
    checkpoint = Value("@checkpoint")
    bitmap = Value("@bitmap")
    size = Value("@size", INT)


class Checkpoint(Element):
    """A point from which incremental backups count."""

    tag = "domaincheckpoint"
    name = Value("name")
    description = Value("description")
    creation_time = Value("creationTime", INT)
    parent = Value("parent/name")
    disks = Children("disks/disk", CheckpointDisk)
    domain = Child("domain", Domain)


class BackupDisk(Element):
    """How one disk is backed up."""

    tag = "disk"
    key = ("name",)
    name = Value("@name")
    backup = Value("@backup", YES_NO)
    type = Value("@type")
    mode = Value("@backupmode")
    state = Value("@state")
    incremental = Value("@incremental")
    exportname = Value("@exportname")
    exportbitmap = Value("@exportbitmap")
    driver = Child("driver", DiskDriver)
    target = Child("target", DiskSource)
    scratch = Child("scratch", DiskSource)


class BackupServer(Element):
    """Where a pull backup is served."""

    tag = "server"
    tls = Value("@tls", YES_NO)
    transport = Value("@transport")
    name = Value("@name")
    port = Value("@port", INT)
    socket = Value("@socket")


class Backup(Element):
    """A backup job."""

    tag = "domainbackup"
    mode = Value("@mode")
    incremental = Value("incremental")
    server = Child("server", BackupServer)
    disks = Children("disks/disk", BackupDisk)
