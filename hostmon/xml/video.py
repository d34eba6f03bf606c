"""A guest's video cards."""

from hostmon.xml.common import Device, VirtioDriver
from hostmon.xml.element import INT, YES_NO, Child, Element, Value


class VideoDriver(VirtioDriver):
    """Who renders, and how VGA is set up."""

    name = Value("@name")
    vgaconf = Value("@vgaconf")


class VideoModel(Element):
    """The card and its memory in KiB."""

    tag = "model"
    type = Value("@type")
    ram = Value("@ram", INT)
    vram = Value("@vram", INT)
    vram64 = Value("@vram64", INT)
    vgamem = Value("@vgamem", INT)
    heads = Value("@heads", INT)
    primary = Value("@primary", YES_NO)
    blob = Value("@blob")
    accel3d = Value("acceleration/@accel3d", YES_NO)
    accel2d = Value("acceleration/@accel2d", YES_NO)
    rendernode = Value("acceleration/@rendernode")
    resolution_x = Value("resolution/@x", INT)
    resolution_y = Value("resolution/@y", INT)


class Video(Device):
    """A video card."""

    tag = "video"
    driver = Child("driver", VideoDriver)
    model = Child("model", VideoModel)
