"""The machinery: reading and writing through declared fields, and losing nothing meanwhile."""

import pytest

from hostmon.errors import XMLError
from hostmon.xml.carried import Tally, measure
from hostmon.xml.common import Address, Size
from hostmon.xml.compare import compare
from hostmon.xml.disk import BackingStore, Disk, DiskTarget
from hostmon.xml.disksource import DiskSource
from hostmon.xml.documents import parse
from hostmon.xml.domain import Domain
from hostmon.xml.hypervisor import CommandLine
from hostmon.xml.interface import Interface
from hostmon.xml.memory import Memory
from hostmon.xml.vcpus import Vcpus

GUEST = """<!-- before --><domain xmlns:app="http://example.org/app" type='kvm' future='1'>
  <name>web &amp; more</name>
  <!-- kept -->
  <memory unit='MiB'>64</memory>
  <tomorrow><thing app:x="1"/></tomorrow>
  <devices>
    <disk type='file'>
      <target dev='vda'/>
      <surprise/>
    </disk>
    <gadget/>
    <disk type='block'/>
  </devices>
  <note><![CDATA[a < b]]></note>
</domain><!-- after -->"""


def test_what_is_not_touched_comes_back_as_it_was() -> None:
    assert Domain.parse(GUEST).to_xml() == GUEST.replace("'", '"')


def test_a_change_changes_nothing_else() -> None:
    domain = Domain.parse(GUEST)
    domain.name = "db"
    domain.disks[0].target = DiskTarget(dev="vdb")
    expected = GUEST.replace("'", '"').replace("web &amp; more", "db").replace("vda", "vdb")
    assert domain.to_xml() == expected


def test_unknown_content_is_reachable() -> None:
    domain = Domain.parse(GUEST)
    assert domain.node.find("tomorrow/thing") is not None
    assert domain.disks[0].node.find("surprise") is not None


def test_new_parts_stand_in_the_declared_order_and_are_indented() -> None:
    domain = Domain.parse("<domain>\n  <name>a</name>\n  <devices>\n  </devices>\n</domain>")
    domain.uuid = "u"
    domain.emulator = "/bin/q"
    domain.on_crash = "destroy"
    domain.qemu_deprecation = "omit"
    assert domain.to_xml() == (
        "<domain>\n  <name>a</name>\n  <uuid>u</uuid>\n  <on_crash>destroy</on_crash>\n"
        "  <devices>\n  <emulator>/bin/q</emulator></devices>\n"
        '  <qemu:deprecation xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0"'
        ' behavior="omit"/>\n</domain>'
    )


def test_absent_is_none_and_none_removes_down_to_the_empty_parent() -> None:
    interface = Interface.parse("<interface><mac address='x'/><rom bar='on' file='f'/></interface>")
    assert interface.mtu is None
    interface.mac = None
    interface.rom_bar = None
    interface.mtu = None
    assert interface.to_xml() == '<interface><rom file="f"/></interface>'
    interface.rom_file = None
    assert interface.to_xml() == "<interface/>"


def test_text_around_a_removed_element_stays() -> None:
    disk = Disk.parse("<disk>one<serial>x</serial>two<readonly/>three</disk>")
    disk.serial = None
    disk.readonly = False
    assert disk.to_xml() == "<disk>onetwothree</disk>"


def test_text_is_read_around_comments() -> None:
    assert Domain.parse("<domain><name>a<!-- no -->b</name></domain>").name == "ab"
    assert Domain.parse("<domain><name/></domain>").name == ""
    domain = Domain.parse("<domain><name>a<!-- kept -->b</name></domain>")
    domain.name = "c"
    assert domain.name == "c"
    assert "kept" in domain.to_xml()


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (
            "<domain>\n<vcpu>two</vcpu></domain>",
            ".: 'two' is not a whole number (line 2); write one such as '4'",
        ),
        (
            "<domain>\n\n<vcpu current='x'>2</vcpu></domain>",
            "@current: 'x' is not a whole number (line 3); write one such as '4'",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_says_where_and_what(xml: str, says: str) -> None:
    vcpu = Domain.parse(xml).vcpu
    assert vcpu is not None
    with pytest.raises(XMLError) as caught:
        _ = (vcpu.count, vcpu.current)
    assert str(caught.value) == says


@pytest.mark.parametrize("value", [True, "4", 1.5])
def test_setting_a_value_of_the_wrong_kind_is_refused(value: object) -> None:
    with pytest.raises(XMLError, match="is not a whole number"):
        Vcpus(count=value)
    with pytest.raises(XMLError):
        Domain(name="nul\0")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Vcpus has no field 'cuont'"):
        Vcpus(cuont=4)


def test_children_are_a_live_list() -> None:
    domain = Domain(name="a")
    domain.disks.append(Disk(type="file"))
    domain.disks.append(Disk(type="block"))
    domain.interfaces.append(Interface(type="user"))
    domain.disks.insert(0, Disk(type="dir"))
    assert [disk.type for disk in domain.disks] == ["dir", "file", "block"]
    assert [str(item.node.tag) for item in domain.devices] == ["disk"] * 3 + ["interface"]
    domain.disks[1] = Disk(type="nvme")
    del domain.disks[0]
    assert [disk.type for disk in domain.disks[:5]] == ["nvme", "block"]
    del domain.disks[:]
    assert len(domain.devices) == 1
    domain.devices.append(Disk(type="file"))
    assert domain.disks[0].type == "file"


def test_setting_never_robs_another_document() -> None:
    one, other = Domain.parse(GUEST), Domain(name="b")
    other.disks.append(one.disks[0])
    other.memory = one.memory
    other.disks = one.disks
    assert len(one.disks) == len(other.disks) == 2
    assert one.memory is not None
    assert one.to_xml() == GUEST.replace("'", '"')
    one.disks = one.disks
    assert len(one.disks) == 2


def test_a_set_child_stays_connected() -> None:
    disk, source = Disk(), DiskSource(file="/a")
    disk.source = source
    source.file = "/b"
    assert disk.source is not None
    assert disk.source.file == "/b"
    disk.source = disk.source
    assert disk.to_xml() == '<disk><source file="/b"/></disk>'
    disk.source = None
    assert disk.to_xml() == "<disk/>"


def test_a_class_used_under_several_names_takes_the_name_of_its_place() -> None:
    domain = Domain(memory=Memory(value=1), current_memory=Memory(value=2))
    assert domain.to_xml() == (
        "<domain><memory>1</memory><currentMemory>2</currentMemory></domain>"
    )


def test_a_backing_chain_nests() -> None:
    chain = BackingStore(backing_store=BackingStore(backing_store=BackingStore(), index=2), index=1)
    disk = Disk(backing_store=chain)
    indexes, link = [], disk.backing_store
    while link is not None:
        indexes.append(link.index)
        link = link.backing_store
    assert indexes == [1, 2, None]


def test_namespaced_parts_get_their_usual_prefix() -> None:
    commands = CommandLine(args=["-a", "-b"])
    assert commands.args == ("-a", "-b")
    assert '<qemu:arg value="-a"/>' in commands.to_xml()


def test_sizes_count_bytes() -> None:
    assert Size(value=3).bytes == 3072
    assert Size(value=3, unit="GB").bytes == 3_000_000_000
    assert Size.of_bytes(4096) == Size(unit="KiB", value=4)
    assert Size.of_bytes(5).bytes == 5
    with pytest.raises(XMLError, match="'light' is no unit"):
        _ = Size(unit="light").bytes


def test_addresses_are_hexadecimal_on_pci_alone() -> None:
    pci = Address(type="pci", domain=0, bus=17, slot=1, function=2)
    drive = Address(type="drive", controller=0, bus=17, target=0, unit=1)
    assert pci == Address.parse(
        "<address type='pci' domain='0x0000' bus='0x11' slot='0x01' function='0x2'/>"
    )
    assert 'bus="17"' in drive.to_xml()


def test_long_documents_take_time_in_proportion() -> None:
    # Quadratic work on so many elements would take minutes.
    devices = "".join(f"<disk type='file'><serial>{n}</serial></disk>" for n in range(6_000))
    many = (
        "<domain><os>" + "<boot dev='hd'/>" * 6_000 + f"</os><devices>{devices}</devices></domain>"
    )
    domain = Domain.parse(many)
    again = domain.rebuilt()
    tally = Tally()
    measure(domain, tally)
    assert tally.share() == 1
    assert compare(domain, again) == []
    again.disks = list(again.disks)
    assert len(again.disks) == 6_000


def test_equality_is_of_content() -> None:
    assert Disk(type="file", device="disk") == Disk.parse("<disk device='disk' type='file'/>")
    assert Disk(type="file") != Disk(type="block")
    assert Disk() != 1
    assert Disk.parse("<disk xmlns:a='b'/>") == Disk.parse(
        "<disk xmlns:a='b'>\n<!-- c -->\n</disk>"
    )


def test_any_document_finds_its_class() -> None:
    assert isinstance(parse("<disk/>"), Disk)
    assert isinstance(parse("<interface/>"), Interface)
    assert type(parse("<interface name='eth0'/>")).__name__ == "HostInterface"
    with pytest.raises(XMLError, match="is nothing libvirt knows"):
        parse("<house/>")
