"""Facts out of a definition, and the label texts made of them for each profile."""

import itertools
import uuid as uuidlib

import pytest
from prometheus_client import CollectorRegistry

from hostmon._columns import PERF_NAMES
from hostmon._table import GuestTable
from hostmon.definitions import Definitions
from hostmon.exposition import Exposition, Format
from hostmon.facts import GuestFacts, facts_of
from hostmon.labels import Labeller, text
from hostmon.metrics import PROFILES
from hostmon.scrape import read
from hostmon.xml.domain import Domain

UUID = "7792d9a2-74b0-4e07-9765-37df9295fbc2"
XML = f"""<domain type='kvm' id='3'><name>web</name><uuid>{UUID}</uuid>
<metadata><n:instance xmlns:n='http://openstack.org/xmlns/libvirt/nova/1.0'><n:name>Shop</n:name>
<n:flavor name='m1'/><n:owner><n:user uuid='u'>ann</n:user><n:project uuid='p'>shop</n:project>
</n:owner></n:instance></metadata>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
<source file='/images/web'/><target dev='vda' bus='virtio'/><serial>s1</serial></disk>
<disk type='network' device='lun'><source protocol='rbd' name='p/v'/>
<target dev='sda' bus='scsi'/></disk>
<disk type='file' device='cdrom'><target dev='sdb' bus='sata'/></disk>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/>
<target dev='vnet0'/><model type='virtio'/><mtu size='9000'/></interface>
<interface type='user'><mac address='52:54:00:00:00:02'/></interface></devices></domain>"""
DISKS = [(b"virtio-disk0", b"vda"), (b"scsi0-0-0-0", b"sda"), (b"sata0-0-1", b"sdb")]
INTERFACES = [(b"52:54:00:00:00:01", b"vnet0"), (b"52:54:00:00:00:02", b"")]
SCOPES = (
    "guest", "state", "group", "vcpu", "disk", "interface", "job",
    "guest_info", "owner_info", "disk_info", "interface_info", "iothread", "perf",
)  # fmt: skip


def labelled(profile: str, facts: GuestFacts | None) -> dict[str, list[str | None]]:
    labeller = Labeller(PROFILES[profile], lambda _: facts, ["cpu", None])
    made = labeller(
        bytes.fromhex(UUID.replace("-", "")), b"web", [0, 2], DISKS, INTERFACES, False,
        [1, 4], [PERF_NAMES.index("cmt"), PERF_NAMES.index("page_faults")],
    )  # fmt: skip
    return {
        scope: [None if label is None else label.decode() for label in labels]
        for scope, labels in zip(SCOPES, made, strict=True)
    }


FACTS = facts_of(Domain.parse(XML))


def test_facts_are_the_definitions() -> None:
    assert (FACTS.uuid, FACTS.domain, FACTS.os_type) == (UUID, "web", "hvm")
    assert (FACTS.os_type_arch, FACTS.os_type_machine) == ("x86_64", "pc-q35-7.2")
    assert (FACTS.instance_name, FACTS.instance_id, FACTS.flavor_name) == ("Shop", UUID, "m1")
    assert (FACTS.user_name, FACTS.user_id) == ("ann", "u")
    assert (FACTS.project_name, FACTS.project_id) == ("shop", "p")
    disk, lun, cdrom = FACTS.disks
    assert (disk.disk_type, disk.driver_cache, disk.driver_discard) == ("file", "none", "unmap")
    assert (disk.source_file, disk.serial, disk.target_bus) == ("/images/web", "s1", "virtio")
    assert (lun.device, lun.source_protocol, lun.source_file) == ("lun", "rbd", "")
    assert cdrom.device == "cdrom"
    nic, user = FACTS.interfaces
    assert (nic.source_bridge, nic.model_type, nic.mtu_size) == ("br0", "virtio", "9000")
    assert (user.interface_type, user.target_device, user.mtu_size) == ("user", "", "")


def test_facts_of_a_bare_definition_are_empty() -> None:
    bare = facts_of(
        Domain.parse("<domain type='kvm'><name>x</name><metadata><a/></metadata></domain>")
    )
    assert bare == GuestFacts("", "x")


def test_hostmons_own_labels() -> None:
    made = labelled("hostmon", FACTS)
    assert made["guest"] == ['domain="web"} ']
    assert made["state"][1] == 'domain="web",state="running"} '
    assert made["group"] == ['domain="web",group="cpu"} ', None]
    assert made["vcpu"] == ['domain="web",vcpu="0"} ', 'domain="web",vcpu="2"} ']
    assert made["disk"][1] == 'domain="web",target_device="sda"} '
    assert made["interface"] == [
        'domain="web",target_device="vnet0"} ',
        'domain="web",target_device="52:54:00:00:00:02"} ',
    ]
    assert made["job"] == []
    assert made["guest_info"][0] is not None
    assert f'uuid="{UUID}"' in made["guest_info"][0]
    assert made["owner_info"][0] is not None
    assert 'project_name="shop"' in made["owner_info"][0]
    assert made["disk_info"][1] is not None
    assert 'source_protocol="rbd"' in made["disk_info"][1]


def test_iothreads_go_by_their_numbers_and_perf_events_by_libvirts_words() -> None:
    made = labelled("hostmon", FACTS)
    assert made["iothread"] == ['domain="web",iothread="1"} ', 'domain="web",iothread="4"} ']
    # A cache's occupancy is no count.
    assert made["perf"] == [None, 'domain="web",event="page_faults"} ']


def test_kuminas_labels_leave_out_removable_and_unnamed_devices() -> None:
    made = labelled("kumina", FACTS)
    who = f'domain="web",uuid="{UUID}"'
    assert made["guest"] == [who + "} "]
    assert made["disk"] == [
        f'{who},source_file="/images/web",target_device="vda"}} ',
        f'{who},source_file="",target_device="sda"}} ',
        None,
    ]
    assert made["interface"] == [f'{who},source_bridge="br0",target_device="vnet0"}} ', None]
    assert made["guest_info"] == [None]
    nova = labelled("kumina-nova", FACTS)["guest"][0]
    assert nova == f'{who},name="Shop",flavor="m1",project_name="shop"}} '


def test_inovex_labels_a_state_by_its_sentence_and_every_guest_by_an_owner() -> None:
    made = labelled("inovex", GuestFacts(UUID, "web"))
    assert made["state"][1] == 'domain="web",state_desc="the domain is running"} '
    assert made["owner_info"][0] is not None
    assert 'instance_name=""' in made["owner_info"][0]
    assert labelled("hostmon", GuestFacts(UUID, "web"))["owner_info"] == [None]


def test_without_a_definition_the_tables_names_are_shown() -> None:
    made = labelled("hostmon", None)
    assert made["disk"][0] == 'domain="web",target_device="vda"} '
    assert made["guest_info"][0] is not None
    assert f'uuid="{UUID}"' in made["guest_info"][0]


def test_the_tables_name_stands_above_an_older_definitions() -> None:
    made = labelled("hostmon", GuestFacts("other", "old"))
    assert made["guest"] == ['domain="web"} ']


def test_values_are_escaped() -> None:
    assert text([("a", 'x"\\\n'), ("b", "\udc80ü")]) == 'a="x\\"\\\\\\n",b="?ü"} '.encode()


TWIN = (
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br{}'/>"
    "<target dev='{}'/></interface>"
)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "interfaces",
    [
        TWIN.format(0, "") + TWIN.format(1, ""),
        TWIN.format(0, "tap0") + TWIN.format(1, "tap0"),
        "<interface type='user'/>" * 3,
    ],
)
def test_no_series_stands_twice_on_a_page(profile: str, interfaces: str) -> None:
    """libvirt takes a guest whose interfaces have one address, or none."""
    guest = uuidlib.UUID(UUID).bytes
    table, ticks = GuestTable(), itertools.count(0, 10**10)
    table.upsert(guest, b"web")
    table.set_state(guest, 1, 1, 1)
    definitions = Definitions(table)
    xml = XML[: XML.index("<interface")] + interfaces + "</devices></domain>"
    definitions.update(guest, xml, None)
    assert definitions.place()
    keys = [nic.key for nic in table.snapshot().guest(guest).interfaces]
    assert len(set(keys)) == len(keys)
    page = Exposition(
        table, definitions.describe, dict, CollectorRegistry(), profile=profile,
        clock_ns=lambda: next(ticks),
    )  # fmt: skip
    for form in Format:
        made = page.page(form)
        assert read(made, form.value).values
        lines = [line.rsplit(b" ", 1)[0] for line in made.splitlines() if line[:1] != b"#"]
        assert len(set(lines)) == len(lines)


def test_interfaces_of_one_address_are_told_apart_by_their_place() -> None:
    xml = (
        XML[: XML.index("<interface")]
        + TWIN.format(0, "")
        + TWIN.format(1, "")
        + ("</devices></domain>")
    )
    labeller = Labeller(PROFILES["hostmon"], lambda _: facts_of(Domain.parse(xml)), [])
    mac = "52:54:00:00:00:01"
    keys = [(mac.encode(), b""), (f"{mac}#2".encode(), b"")]
    made = labeller(uuidlib.UUID(UUID).bytes, b"web", [], [], keys, False, [], [])[
        SCOPES.index("interface_info")
    ]
    for number, (label, name) in enumerate(zip(made, (mac, f"{mac}#2"), strict=True)):
        assert label is not None
        for part in (f'target_device="{name}"', f'mac_address="{mac}"', f'"br{number}"'):
            assert part in label.decode()
