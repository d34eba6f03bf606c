"""What storage pools and volumes share: permissions, times, formats."""

from hostmon.xml.element import Element, Value


class Permissions(Element):
    """Mode (octal), owner and group of what is created."""

    tag = "permissions"
    mode = Value("mode")
    owner = Value("owner")
    group = Value("group")
    label = Value("label")


class Timestamps(Element):
    """When a volume was accessed, born, changed and modified: seconds.nanoseconds."""

    tag = "timestamps"
    atime = Value("atime")
    btime = Value("btime")
    ctime = Value("ctime")
    mtime = Value("mtime")
