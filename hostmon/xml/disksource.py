"""Where the bytes of a disk come from: file, block device, network, pool volume, NVMe, socket.

One class serves every place that takes a source: disks, mirrors, backing files, firmware variables.
"""

from hostmon.xml.common import Address, DeviceSeclabel, Named, Reconnect
from hostmon.xml.element import INT, YES_NO, Child, Children, Element, Value


class SecretRef(Element):
    """A secret that libvirt keeps, named by UUID or by usage."""

    tag = "secret"
    type = Value("@type")
    uuid = Value("@uuid")
    usage = Value("@usage")


class Auth(Element):
    """Who logs in at the storage server."""

    tag = "auth"
    type = Value("@type")
    username = Value("@username")
    secret = Child("secret", SecretRef)


class Encryption(Element):
    """How an image is encrypted, and with which secrets."""

    tag = "encryption"
    format = Value("@format")
    engine = Value("@engine")
    secrets = Children("secret", SecretRef)
    cipher_name = Value("cipher/@name")
    cipher_size = Value("cipher/@size", INT)
    cipher_mode = Value("cipher/@mode")
    cipher_hash = Value("cipher/@hash")
    ivgen_name = Value("ivgen/@name")
    ivgen_hash = Value("ivgen/@hash")


class StorageHost(Element):
    """A server of networked storage."""

    tag = "host"
    key = ("name", "port", "socket")
    name = Value("@name")
    port = Value("@port")
    transport = Value("@transport")
    socket = Value("@socket")


class Slice(Element):
    """The part of the storage that holds the image, in bytes."""

    tag = "slice"
    key = ("type",)
    type = Value("@type")
    offset = Value("@offset", INT)
    size = Value("@size", INT)


class Reservations(Element):
    """SCSI persistent reservations, and the helper that makes them."""

    tag = "reservations"
    managed = Value("@managed", YES_NO)
    type = Value("source/@type")
    path = Value("source/@path")
    mode = Value("source/@mode")
    reconnect = Child("source/reconnect", Reconnect)


class DiskSource(Element):
    """A source of any type; the disk's type tells which of the fields apply."""

    tag = "source"
    type = Value("@type")
    file = Value("@file")
    fdgroup = Value("@fdgroup")
    dev = Value("@dev")
    dir = Value("@dir")
    protocol = Value("@protocol")
    name = Value("@name")
    query = Value("@query")
    tls = Value("@tls", YES_NO)
    tls_hostname = Value("@tlsHostname")
    pool = Value("@pool")
    volume = Value("@volume")
    mode = Value("@mode")
    namespace = Value("@namespace", INT)
    managed = Value("@managed", YES_NO)
    path = Value("@path")
    startup_policy = Value("@startupPolicy")
    index = Value("@index", INT)
    hosts = Children("host", StorageHost)
    snapshot = Value("snapshot/@name")
    config = Value("config/@file")
    ssl_verify = Value("ssl/@verify", YES_NO)
    auth = Child("auth", Auth)
    encryption = Child("encryption", Encryption)
    initiator_iqn = Value("initiator/iqn/@name")
    cookies = Children("cookies/cookie", Named)
    readahead = Value("readahead/@size", INT)
    timeout = Value("timeout/@seconds", INT)
    identity_user = Value("identity/@user")
    identity_group = Value("identity/@group")
    known_hosts = Value("knownHosts/@path")
    identity_keyfile = Value("identity/@keyfile")
    identity_agent = Value("identity/@agentsock")
    identity_username = Value("identity/@username")
    reservations = Child("reservations", Reservations)
    address = Child("address", Address)
    reconnect = Child("reconnect", Reconnect)
    slices = Children("slices/slice", Slice)
    seclabels = Children("seclabel", DeviceSeclabel)
