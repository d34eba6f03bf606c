"""One contract suite over every virt driver, in-tree and from outside; and what breaks it."""

import sys
import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import libvirt
import pytest

from hostmon import kinds
from hostmon._table import GuestTable
from hostmon.driver.points import VIRT
from hostmon.driver.sinks import Columns, EventSink
from hostmon.driver.virt import GuestDescription, VirtContext
from hostmon.errors import ContractError, HypervisorError, SettingsError
from hostmon.events import BalloonChangeEvent, LifecycleEvent, NetworkEvent
from hostmon.hypervisor import Hypervisor, hypervisor_of
from hostmon.loader import installed, load
from hostmon.settings import AgentSettings, ConnectionSettings, Settings
from hostmon.testing.virt_contract import VirtContract
from hostmon_drivers.virt_fake import FakeDriver, FakeSettings
from hostmon_drivers.virt_libvirt import LibvirtDriver
from tests.contract.install import OUTSIDE, pip_install
from tests.unit.rig import Rig

GUEST = """<domain type='test'><name>g</name><memory unit='MiB'>8</memory><vcpu>2</vcpu>
<os><type>hvm</type></os></domain>"""


class TestFake(VirtContract):
    driver = FakeDriver

    def prepare(self, directory: Path, driver: FakeDriver) -> None:
        driver.world.define("a", vcpus=2)
        driver.world.start("a")

    def cause_event(self, directory: Path, driver: FakeDriver) -> None:
        driver.world.suspend("a")


class TestLibvirt(VirtContract):
    driver = LibvirtDriver
    uri = "test:///default"

    @pytest.fixture(autouse=True)
    def guest(self) -> Iterator[None]:
        connection = libvirt.open(self.uri)
        self.domain = connection.createXML(GUEST)
        yield
        self.domain.destroy()
        connection.close()

    def cause_event(self, directory: Path, driver: LibvirtDriver) -> None:
        self.domain.suspend()


class TestFolder(VirtContract):
    """The suite as a stranger uses it, on the class that pip installed."""

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return pip_install(OUTSIDE, tmp_path_factory.mktemp("site"))

    @pytest.fixture(autouse=True)
    def outside(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(site)
        for name in ("hostmon_outside", "hostmon_outside.folder"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        type(self).driver = import_module("hostmon_outside.folder").FolderDriver

    def section(self, directory: Path) -> dict[str, Any]:
        return {"path": str(directory)}

    def prepare(self, directory: Path, driver: Any) -> None:
        (directory / "one.json").write_text('{"vcpus": 2}')

    def cause_event(self, directory: Path, driver: Any) -> None:
        (directory / "one.json").unlink()


def test_every_in_tree_virt_driver_is_here() -> None:
    tested = {TestFake.driver, TestLibvirt.driver}
    in_tree = {name for name, entry in installed(VIRT).items() if entry.in_tree}
    assert {load(name, VIRT) for name in in_tree} == tested


class Unheld(FakeDriver):
    """A fake driver that breaks one rule, given by name."""

    broken: ClassVar[dict[str, Any]] = {}

    def connect(self, events: EventSink | None) -> Any:
        if "connect" in self.broken:
            return self.broken["connect"]()
        connection = super().connect(events)
        for name, function in self.broken.items():
            setattr(connection, name, function)
        return connection


def raises(*_: object) -> None:
    raise KeyError("undeclared")


def two(*_: object) -> Iterator[object]:
    yield GuestDescription(uuid=uuid.uuid4(), name="g", state=1, vcpus=1, memory=1, memory_max=1)
    yield {"name": "a dict"}


def late(*_: object) -> Iterator[object]:
    yield from ()
    raise ZeroDivisionError("in the list")


@pytest.mark.parametrize(
    ("method", "breach", "text"),
    [
        ("connect", lambda: "a string", r"connect\(\) returned str"),
        ("connect", raises, r"connect\(\) raised KeyError: 'undeclared'; it may raise Hypervisor"),
        ("version", lambda: 1, r"version\(\) returned int 1; declared is str"),
        ("guests", lambda: [1], r"guests\(\) returned list"),
        ("guests", two, r"guests\(\) returned dict .*; declared is GuestDescription"),
        ("guests", late, r"guests\(\) raised ZeroDivisionError: in the list"),
        ("guest", lambda _: None, r"guest\(\) returned NoneType"),
        ("read", lambda *_: None, r"read\(\) returned NoneType"),
        ("busy", lambda _: [], r"busy\(\) returned list"),
        ("close", raises, r"close\(\) raised KeyError: 'undeclared'; it may raise nothing"),
    ],
)
def test_a_breach_is_told(method: str, breach: Any, text: str) -> None:
    kind = type("Broken", (Unheld,), {"broken": {method: breach}})
    hypervisor = Hypervisor("broken", kind, context())
    with pytest.raises(ContractError, match=text):
        use(hypervisor, method)


def use(hypervisor: Hypervisor, method: str) -> None:
    """Make one call of a connection, whole."""
    connection = hypervisor.connect()
    arguments = {"guest": (uuid.uuid4(),), "read": ("all", ()), "busy": ((),)}
    answer = getattr(connection, method if method != "connect" else "close")(
        *arguments.get(method, ())
    )
    list(answer if method == "guests" else ())


def context(**settings: Any) -> VirtContext:
    return VirtContext(
        host="h",
        uri="fake:///",
        connection=ConnectionSettings(),
        settings=FakeSettings(**settings),
        columns=Columns(GuestTable()),
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"agent": AgentSettings(virt="libvrit")}, "did you mean libvirt"),
        ({"agent": AgentSettings(virt="a.b:C")}, "no path"),
        (
            {"agent": AgentSettings(virt="fake"), "virt": {"fake": {"guests": "x"}}},
            r"virt.fake: guests = 'x': expected int, got str",
        ),
        (
            {"agent": AgentSettings(virt="fake"), "virt": {"fake": {"steps": [{"do": "dance"}]}}},
            r"virt.fake: steps\[0\].do = 'dance': give one of define, start",
        ),
    ],
)
def test_a_configuration_that_cannot_work_is_told(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        hypervisor_of(Settings(**settings), GuestTable())


@pytest.mark.parametrize("cadences", [{"block": 0}, {"job": -1}])
def test_cadences_are_checked(cadences: dict[str, float]) -> None:
    settings = Settings(virt={"libvirt": {"cadences": cadences}})
    with pytest.raises(SettingsError, match="give above 0"):
        hypervisor_of(settings, GuestTable())


@pytest.mark.parametrize(("uri", "local"), [("qemu:///system", True), ("test:///default", False)])
def test_only_a_local_qemu_has_processes_here(uri: str, local: bool) -> None:
    hypervisor = hypervisor_of(Settings(agent=AgentSettings(uri=uri)), GuestTable())
    assert hypervisor.is_local is local
    names = {reading.name for reading in hypervisor.readings}
    assert ("interface" in names) is local


def test_typed_events_reach_subscribers_as_they_are(tmp_path: Path) -> None:
    rig = Rig(f"ipc://{tmp_path}/events")
    try:
        sink = EventSink(rig.pipe, lambda _: None)
        guest = uuid.uuid4()
        sink.put(LifecycleEvent(uuid=str(guest), name="gü", id=3, event="started", detail="booted"))
        assert rig.lifecycle() == ("started", "booted", "live")
        sink.put(BalloonChangeEvent(uuid=str(guest), name="gü", id=3, actual=77))
        balloon = rig.receive_event()
        assert isinstance(balloon, BalloonChangeEvent)
        assert (balloon.actual, balloon.name, balloon.uuid) == (77, "gü", str(guest))
        sink.put(NetworkEvent(uuid=str(guest), name="net", event="started", detail=0))
        network = rig.receive_event()
        assert isinstance(network, NetworkEvent)
        assert (network.event, network.name) == ("started", "net")
        with pytest.raises(ValueError, match="danced"):
            sink.put(LifecycleEvent(uuid=str(guest), name="g", event="danced", detail="x"))
    finally:
        rig.close()


def test_a_state_forbids_what_it_does_not_allow() -> None:
    driver = Hypervisor("fake", FakeDriver, context()).driver
    assert isinstance(driver, FakeDriver)
    world = driver.world
    world.define("g")
    with pytest.raises(HypervisorError, match="'g' is shutoff; only one that is running may"):
        world.suspend("g")
    world.start("g")
    world.set_vcpus("g", 3)
    (guest,) = world.guests()
    assert (guest.vcpus, kinds.STATES[guest.state]) == (3, "running")
