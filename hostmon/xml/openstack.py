"""The metadata a widely used cloud keeps with its guests: flavor, owner, image, ports."""

from hostmon.xml.common import Named
from hostmon.xml.element import INT, Child, Children, Element, Value


class ExtraSpecs(Element):
    """What the flavor asks for besides its size."""

    tag = "nova:extraSpecs"
    entries = Children("nova:extraSpec", Named)


class Flavor(Element):
    """The size the guest was ordered in: memory in MiB, disks in GiB."""

    tag = "nova:flavor"
    name = Value("@name")
    id = Value("@id")
    memory = Value("nova:memory", INT)
    disk = Value("nova:disk", INT)
    swap = Value("nova:swap", INT)
    ephemeral = Value("nova:ephemeral", INT)
    vcpus = Value("nova:vcpus", INT)
    extra_specs = Child("nova:extraSpecs", ExtraSpecs)


class Properties(Element):
    """What the image's maker says about it."""

    tag = "nova:properties"
    entries = Children("nova:property", Named)


class Image(Element):
    """The image the guest was made from, and its properties."""

    tag = "nova:image"
    uuid = Value("@uuid")
    container_format = Value("nova:containerFormat")
    disk_format = Value("nova:diskFormat")
    min_disk = Value("nova:minDisk", INT)
    min_ram = Value("nova:minRam", INT)
    properties = Child("nova:properties", Properties)


class PortIp(Element):
    """An address of a port."""

    tag = "nova:ip"
    key = ("address",)
    type = Value("@type")
    address = Value("@address")
    ip_version = Value("@ipVersion", INT)


class Port(Element):
    """A network port."""

    tag = "nova:port"
    key = ("uuid",)
    uuid = Value("@uuid")
    ips = Children("nova:ip", PortIp)


class Instance(Element):
    """A guest as the cloud knows it."""

    tag = "nova:instance"
    package_version = Value("nova:package/@version")
    name = Value("nova:name")
    creation_time = Value("nova:creationTime")
    flavor = Child("nova:flavor", Flavor)
    image = Child("nova:image", Image)
    user = Value("nova:owner/nova:user")
    user_uuid = Value("nova:owner/nova:user/@uuid")
    project = Value("nova:owner/nova:project")
    project_uuid = Value("nova:owner/nova:project/@uuid")
    root_type = Value("nova:root/@type")
    root_uuid = Value("nova:root/@uuid")
    ports = Children("nova:ports/nova:port", Port)
