"""Guest: one libvirt domain, whole; each part of it has a file of its own.

What reads works on every connection. What acts needs a read-write one, and raises ReadOnlyError on
any other. No part holds policy or reads settings: what to do with a guest, others decide.

Every call may raise NotConnectedError (the connection is gone), GuestNotFoundError (the guest is
gone) and LibvirtError (libvirt refused or failed; its code is kept). Docstrings name what else they
raise. A call that asks QEMU blocks for as long as QEMU does not answer: the docstring says so.
"""

from hostmon.guest.blocks import BlockJob, Blocks, BlockSize, BlockStats
from hostmon.guest.definition import Definition
from hostmon.guest.facts import GuestFacts, State
from hostmon.guest.hotplug import Hotplug
from hostmon.guest.interfaces import Interfaces, InterfaceStats
from hostmon.guest.jobs import Jobs
from hostmon.guest.memory import Memory
from hostmon.guest.metadata import Metadata
from hostmon.guest.power import Power
from hostmon.guest.signals import Signals, Watch
from hostmon.guest.vcpus import Vcpu, Vcpus

__all__ = [
    "BlockJob",
    "BlockSize",
    "BlockStats",
    "Guest",
    "GuestFacts",
    "InterfaceStats",
    "Signals",
    "State",
    "Vcpu",
    "Watch",
]


class Guest(Power, Definition, Metadata, Vcpus, Memory, Blocks, Interfaces, Hotplug, Jobs):
    """One domain of a :class:`hostmon.host.Host`, which makes these."""
