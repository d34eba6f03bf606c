"""Secrets that libvirt keeps: what for, never their value."""

from hostmon.xml.element import YES_NO, Element, Value


class Secret(Element):
    """A secret and its use."""

    tag = "secret"
    ephemeral = Value("@ephemeral", YES_NO)
    private = Value("@private", YES_NO)
    description = Value("description")
    uuid = Value("uuid")
    usage_type = Value("usage/@type")
    usage_volume = Value("usage/volume")
    usage_name = Value("usage/name")
    usage_target = Value("usage/target")
