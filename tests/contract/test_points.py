"""The contract suites over all drivers of the points that act on guests, and what crosses."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostmon.driver.points import POINTS, VIF
from hostmon.errors import ContractError, DriverError, RequestRefusedError, SettingsError
from hostmon.host import Host
from hostmon.loader import installed, load
from hostmon.points import (
    BridgeVif,
    DirectVif,
    EthernetVif,
    FileVolume,
    HostdevVif,
    NetworkVolume,
    Port,
    StorageServer,
    UserVif,
    VhostuserVif,
    VifDriver,
    interface_for,
    opened,
)
from hostmon.points.interfaces import AnyVif
from hostmon.points.volumes import AnyVolume
from hostmon.testing.points_contract import FirewallContract, VifContract, VolumeContract
from hostmon.testing.points_samples import MAC, sample_vifs, sample_volumes
from hostmon_drivers.firewall_noop import NoopFirewall
from hostmon_drivers.firewall_nwfilter import NwfilterFirewall
from hostmon_drivers.vif_generic import GenericVif
from hostmon_drivers.volume_block import BlockVolumes
from hostmon_drivers.volume_file import FileVolumes
from hostmon_drivers.volume_network import NetworkVolumes
from tests.contract.distribution import make

GOLDEN = Path(__file__).parents[1] / "data" / "points"


class TestGenericVif(VifContract):
    driver = GenericVif
    touches_host = ("ethernet",)


class TestFileVolumes(VolumeContract):
    driver = FileVolumes


class TestBlockVolumes(VolumeContract):
    driver = BlockVolumes


class TestNetworkVolumes(VolumeContract):
    driver = NetworkVolumes


class TestNoopFirewall(FirewallContract):
    driver = NoopFirewall


class TestNwfilterFirewall(FirewallContract):
    driver = NwfilterFirewall


SUITES = (
    TestGenericVif, TestFileVolumes, TestBlockVolumes, TestNetworkVolumes, TestNoopFirewall,
    TestNwfilterFirewall,
)  # fmt: skip


def test_every_in_tree_driver_is_here() -> None:
    tested = {(suite.point.name, suite.driver) for suite in SUITES}
    names = {suite.point.name for suite in SUITES}
    assert tested == {
        (point.name, load(name, point))
        for point in POINTS
        if point.name in names
        for name, entry in installed(point).items()
        if entry.in_tree
    }
    assert names == {point.name for point in POINTS if not point.stable}


class Broken(VifDriver):
    """Breaks one rule at a time; see below."""

    api_versions = (2, 2)
    capabilities = GenericVif.capabilities

    def element(self, vif: Any) -> Any:
        return interface_for(vif, "user")


def returns_text(self: object, *arguments: object) -> Any:
    return "<interface/>"


def raises(self: object, *arguments: object) -> Any:
    raise KeyError("undeclared")


def hides(self: object, *arguments: object) -> Any:
    return None


def bad_xml(self: object, vif: Any) -> Any:
    return interface_for(vif, "no-such-type")


@pytest.mark.parametrize(
    ("changes", "test", "text"),
    [
        ({"element": returns_text}, "test_makes_what_libvirts_schema_takes", "returned str"),
        ({"element": bad_xml}, "test_makes_what_libvirts_schema_takes", "no-such-type"),
        ({"plug": raises}, "test_passes_on_what_a_guest_refuses", "raised KeyError"),
        ({"unplug": hides}, "test_passes_on_what_a_guest_refuses", "hides that"),
    ],
)
def test_the_suite_tells_a_breach(
    tmp_path: Path, changes: dict[str, Any], test: str, text: str
) -> None:
    suite = VifContract()
    suite.driver = type("Broken", (Broken,), changes)  # type: ignore[misc]
    with pytest.raises((ContractError, AssertionError), match=text):
        getattr(suite, test)(tmp_path)


@pytest.mark.parametrize("version", [1])
def test_bytes_of_every_version_decode(version: int) -> None:
    """Golden bytes are written once a version, and never again."""
    vifs = msgspec.json.decode((GOLDEN / f"vifs-{version}.json").read_bytes(), type=list[AnyVif])
    assert vifs == list(sample_vifs().values())
    data = (GOLDEN / f"volumes-{version}.json").read_bytes()
    assert msgspec.json.decode(data, type=list[AnyVolume]) == list(sample_volumes().values())


def test_what_a_newer_version_adds_is_ignored_and_what_an_older_lacks_has_its_default() -> None:
    newer = {"type": "bridge", "mac": MAC, "bridge": "br0", "v": 9, "colour": "red"}
    assert msgspec.convert(newer, AnyVif) == BridgeVif(mac=MAC, bridge="br0", v=9)


@pytest.mark.parametrize(
    ("make_it", "text"),
    [
        (lambda: UserVif(mac="52:54:00:12:34"), "mac = '52:54:00:12:34': write six pairs"),
        (lambda: UserVif(mac="53:54:00:12:34:56"), "the second digit must be even"),
        (lambda: UserVif(mac=MAC, mtu=1), "mtu = 1: give 68 to 65535"),
        (lambda: UserVif(mac=MAC, vlan=4095), "vlan = 4095: give 1 to 4094"),
        (lambda: BridgeVif(mac=MAC, bridge="b r"), "bridge = 'b r': an interface's name has"),
        (lambda: DirectVif(mac=MAC, device="../x"), "no slash"),
        (lambda: EthernetVif(mac=MAC, target="t" * 16), "1 to 15 characters"),
        (lambda: HostdevVif(mac=MAC, address="3b:02.1"), "address = '3b:02.1': write domain:bus"),
        (lambda: VhostuserVif(mac=MAC, path="sock"), "path = 'sock': give an absolute path"),
        (lambda: Port(mac="x"), "write six pairs"),
        (lambda: FileVolume(target="b", path="/a"), "target = 'b': write a disk's name"),
        (lambda: FileVolume(target="vda", path="a"), "path = 'a': give an absolute path"),
        (StorageServer, "give a server's name, or the path"),
        (lambda: StorageServer("h", 0), "port = 0: give 1 to 65535"),
        (lambda: NetworkVolume(target="vda", protocol="iscsi", name="x"), "iscsi needs one"),
        (lambda: NetworkVolume(target="vda", protocol="rbd"), "a volume of rbd has one"),
        (lambda: NetworkVolume(target="vda", protocol="rbd", name="x", user="u"), "give both"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(make_it: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        make_it()


def test_a_type_that_is_not_declared_is_refused_in_one_line() -> None:
    with pytest.raises(RequestRefusedError) as caught:
        FileVolumes().element(sample_volumes()["block"])
    assert str(caught.value) == ("volume sda: type 'block' is none of FileVolumes's; it plugs file")


OUTSIDE = """
from hostmon.driver import VifCapabilities
from hostmon.points import VifDriver, interface_for

class Mine(VifDriver):
    api_versions = (2, 2)
    capabilities = VifCapabilities(types=("bridge",))
    def element(self, vif):
        return interface_for(vif, "bridge", bridge="mine-" + vif.bridge)

class Breaks(Mine):
    def element(self, vif):
        return vif

class Explodes(Mine):
    def __init__(self):
        raise SystemExit(3)
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "outside_vifs.py").write_text(OUTSIDE)
    names = ("Mine", "Breaks", "Explodes")
    points = {name.lower(): f"outside_vifs:{name}" for name in names}
    site = make(tmp_path / "site", "outside-vifs", points, source, group="hostmon.vif")
    monkeypatch.syspath_prepend(site)


@pytest.mark.usefixtures("outside")
def test_the_name_that_is_given_is_the_one_that_plugs() -> None:
    """Whatever else could plug this type: the generic driver is a name like any other."""
    host, vif = Host("unused:///"), BridgeVif(mac=MAC, bridge="br0")
    for name, bridge in (("generic", "br0"), ("mine", "mine-br0")):
        with opened(VIF, name, host) as vifs:
            assert vifs.element(vif).source.bridge == bridge


@pytest.mark.usefixtures("outside")
def test_a_breach_is_told_and_nothing_else_crosses() -> None:
    host, vif = Host("unused:///"), BridgeVif(mac=MAC, bridge="br0")
    with (
        opened(VIF, "breaks", host) as vifs,
        pytest.raises(ContractError, match=r"element\(\) returned BridgeVif .* declared is Inter"),
    ):
        vifs.element(vif)
    with pytest.raises(ContractError, match=r"Explodes\(\) raised SystemExit\(3\)"):
        opened(VIF, "explodes", host).__enter__()
    with pytest.raises(DriverError, match=r"vif driver 'genric' .* did you mean generic\?"):
        opened(VIF, "genric", host).__enter__()
    with pytest.raises(SettingsError, match=r"vif.generic: unplug_timeout = 0.*give 0.1 to 600"):
        opened(VIF, "generic", host, {"unplug_timeout": 0}).__enter__()
