"""The label texts of a guest's series, made of its facts and of what the guest table knows.

Made once a definition. Must not read a counter.
"""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec

from hostmon._columns import PERF_NAMES
from hostmon.facts import DiskFacts, GuestFacts, InterfaceFacts
from hostmon.metrics import Profile, Scope, Zero

Device = tuple[bytes, bytes]
"""A device as the guest table names it: its key and its target."""

Pairs = list[tuple[str, str]]
"""Labels: names and values."""

Texts = tuple[bytes | None, bytes | None]

REMOVABLE = ("cdrom", "floppy")

UNCOUNTED = ("cmt", "mbmt", "mbml")
"""Perf events that are no counts, but a cache's occupancy and bandwidth; Linux 4.14 ended them."""

JOB = "job"
"""The group whose age is shown of guests that have one."""

Describe = Callable[[str], GuestFacts | None]
"""A guest's facts by its UUID; None while its definition has not been read."""


def quoted(value: str) -> str:
    """A label's value between its quotes, escaped as both formats want it."""
    if "\\" in value or '"' in value or "\n" in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{value}"'


def pairs(declared: Iterable[tuple[str, str]], facts: msgspec.Struct) -> Pairs:
    """The labels that a profile declares, with what the facts say."""
    return [(name, getattr(facts, attribute)) for name, attribute in declared]


def text(labels: Pairs) -> bytes:
    """Label pairs as they follow a family's brace, with the closing brace and a blank."""
    joined = ",".join(f"{name}={quoted(value)}" for name, value in labels)
    return f"{joined}}} ".encode("utf-8", "replace")


def once(texts: Iterable[Texts]) -> list[Texts]:
    """Each device's texts, none for one whose labels another bears: no series stands twice."""
    seen: set[bytes | None] = set()
    found: list[Texts] = []
    for texts_of_one in texts:
        found.append((None, None) if texts_of_one[0] in seen else texts_of_one)
        seen.add(texts_of_one[0])
    return found


class Labeller:
    """Makes one guest's label texts for a profile, in the order of the renderer's scopes.

    ``groups``: of each group of columns its name, or None where its age is not shown.
    """

    def __init__(self, profile: Profile, describe: Describe, groups: Sequence[str | None]) -> None:
        self.profile = profile
        self.describe = describe
        self.groups = groups
        self.jobless = any(metric.zero is Zero.JOBLESS for metric in profile.metrics)
        self.info = {metric.scope: metric.labels for metric in profile.metrics}

    def __call__(
        self,
        uuid: bytes,
        name: bytes,
        vcpus: list[int],
        disks: list[Device],
        interfaces: list[Device],
        job: bool,
        iothreads: list[int],
        events: list[int],
    ) -> list[list[bytes | None]]:
        """A text, or None for no series, of every element of every scope."""
        guest = self.facts(uuid, name)
        base = pairs(self.profile.guest, guest)
        label, words = self.profile.state
        of_disks = once(self.of_disk(base, guest, target) for _, target in disks)
        of_interfaces = once(self.of_interface(base, guest, *device) for device in interfaces)
        return [
            [text(base)],
            [text([*base, (label, word)]) for word in words],
            [text([*base, ("group", group)]) if group and (job or group != JOB) else None
             for group in self.groups],
            [text([*base, ("vcpu", str(number))]) for number in vcpus],
            [plain for plain, _ in of_disks],
            [plain for plain, _ in of_interfaces],
            [text(base)] if job or self.jobless else [],
            [self.full(Scope.GUEST_INFO, base, guest)],
            [self.owner(base, guest)],
            [full for _, full in of_disks],
            [full for _, full in of_interfaces],
            [text([*base, ("iothread", str(number))]) for number in iothreads],
            [self.of_event(base, number) for number in events],
        ]  # fmt: skip

    def owner(self, base: Pairs, guest: GuestFacts) -> bytes | None:
        """The text of a guest's owner; one without cloud metadata has none, or but its UUID."""
        if not guest.instance_id and self.profile.ownerless:
            guest = msgspec.structs.replace(guest, instance_id=guest.uuid)
        return self.full(Scope.OWNER_INFO, base, guest) if guest.instance_id else None

    def facts(self, uuid: bytes, name: bytes) -> GuestFacts:
        """A guest's facts; the table's uuid and name stand above the definition's."""
        dashed = str(UUID(bytes=uuid))
        domain = name.decode("utf-8", "replace")
        known = self.describe(dashed)
        if known is None:
            return GuestFacts(uuid=dashed, domain=domain)
        if (known.uuid, known.domain) == (dashed, domain):
            return known
        return msgspec.structs.replace(known, uuid=dashed, domain=domain)

    def of_disk(self, base: Pairs, guest: GuestFacts, target: bytes) -> Texts:
        """The texts of one disk's counters and of its info."""
        device = target.decode("utf-8", "replace")
        found = (disk for disk in guest.disks if disk.target_device == device)
        facts = next(found, DiskFacts(target_device=device))
        if facts.device in REMOVABLE and not self.profile.removable:
            return None, None
        labels = [*base, *pairs(self.profile.disk, facts)]
        return text(labels), self.full(Scope.DISK_INFO, labels, facts)

    def of_event(self, base: Pairs, number: int) -> bytes | None:
        """The text of one perf event; None for those that count nothing."""
        event = PERF_NAMES[number]
        return None if event in UNCOUNTED else text([*base, ("event", event)])

    def of_interface(self, base: Pairs, guest: GuestFacts, key: bytes, target: bytes) -> Texts:
        """The texts of one interface's counters and of its info; its key names it without a tap."""
        name, device = key.decode("utf-8", "replace"), target.decode("utf-8", "replace")
        if not device and not self.profile.unnamed:
            return None, None
        mac, _, which = name.partition("#")
        same = [nic for nic in guest.interfaces if nic.mac_address == mac]
        place = int(which) - 1 if which.isdecimal() else 0
        facts = same[place] if place < len(same) else InterfaceFacts(mac_address=mac)
        facts = msgspec.structs.replace(facts, target_device=device or name)
        labels = [*base, *pairs(self.profile.interface, facts)]
        return text(labels), self.full(Scope.INTERFACE_INFO, labels, facts)

    def full(self, scope: Scope, labels: Pairs, facts: msgspec.Struct) -> bytes | None:
        """The text of an info series, or None where the profile has none of this scope."""
        if scope not in self.info:
            return None
        known = {name for name, _ in labels}
        more = [(name, getattr(facts, name)) for name in self.info[scope] if name not in known]
        return text([*labels, *more])
