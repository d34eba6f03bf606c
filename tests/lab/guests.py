"""Guests without an operating system: 40 MB and 0.3 s each.

They are real to libvirt and to the kernel (start, stop, statistics, exits); they ignore an orderly
shutdown and a changed balloon. A running one spends a core in its firmware; an idle one has a
firmware that only halts.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from xml.sax.saxutils import escape

import libvirt

from tests.lab.node import Node

STARTERS = 4  # below libvirtd's five requests in flight a client
ROM_SIZE = 1 << 16
RESET_VECTOR = ROM_SIZE - 16
HALT = bytes.fromhex("fa f4 eb fd")  # cli; hlt; jmp to the hlt


def halting_rom(node: Node) -> str:
    """The path, inside, of a firmware that halts: its guest runs and takes no CPU."""
    path = node.root / "lib/halt.rom"
    if not path.exists():
        rom = bytearray(ROM_SIZE)
        rom[RESET_VECTOR : RESET_VECTOR + len(HALT)] = HALT
        path.write_bytes(rom)
        path.chmod(0o644)
    return "/var/lib/libvirt/halt.rom"


def guest_xml(
    node: Node,
    name: str,
    *,
    memory_mib: int = 32,
    vcpus: int = 2,
    devices: str = "",
    idle: bool = False,
) -> str:
    """The XML of one guest; ``devices`` is XML put among its devices."""
    rom = f"<loader type='rom'>{halting_rom(node)}</loader>" if idle else ""
    return f"""\
<domain type='{node.accelerator}'>
  <name>{escape(name)}</name>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>{vcpus}</vcpu>
  <os><type>hvm</type>{rom}</os>
  <features><acpi/></features>
  <devices><controller type='usb' model='none'/>{devices}</devices>
</domain>
"""


def define(
    node: Node, count: int, *, first: int = 0, devices: str = "", idle: bool = False
) -> list[str]:
    """Define guests PREFIX-0000 onwards, and return their names."""
    names = [node.name(f"{number:04}") for number in range(first, first + count)]
    connection = libvirt.open(node.uri)
    try:
        for name in names:
            connection.defineXML(guest_xml(node, name, devices=devices, idle=idle))
    finally:
        connection.close()
    return names


def start(node: Node, names: Sequence[str], *, paused: bool = False) -> None:
    """Start defined guests, several at once."""
    connection = libvirt.open(node.uri)
    flags = libvirt.VIR_DOMAIN_START_PAUSED if paused else 0

    def start_one(name: str) -> None:
        connection.lookupByName(name).createWithFlags(flags)

    try:
        with ThreadPoolExecutor(STARTERS) as pool:
            list(pool.map(start_one, names))
    finally:
        connection.close()


def define_and_start(
    node: Node, count: int, *, first: int = 0, paused: bool = False, idle: bool = False
) -> list[str]:
    """Define and start guests, and return their names."""
    names = define(node, count, first=first, idle=idle)
    start(node, names, paused=paused)
    return names
