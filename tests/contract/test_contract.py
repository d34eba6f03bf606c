"""One contract suite over every in-tree driver and the outside one, in both of its versions."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hostmon.driver import Driver
from hostmon.driver.versions import API_VERSION
from hostmon.loader import find_drivers, installed, load
from hostmon.testing.driver_contract import DriverContract
from hostmon_drivers.firewall import FirewallRunner
from hostmon_drivers.inventory import InventoryDriver
from hostmon_drivers.journal import JournalDriver
from hostmon_drivers.noop import NoopDriver
from hostmon_drivers.prometheus import PrometheusDriver
from tests.contract.install import FROZEN, OUTSIDE, pip_install


class TestNoop(DriverContract):
    driver = NoopDriver


class TestJournal(DriverContract):
    driver = JournalDriver

    def section(self, directory: Path) -> dict[str, Any]:
        return {"directory": str(directory / "journal")}


class TestFirewall(DriverContract):
    """On libvirt's test driver, which has guests and no filters."""

    driver = FirewallRunner

    def section(self, directory: Path) -> dict[str, Any]:
        return {"uri": "test:///default", "driver": "noop"}


class TestPrometheus(DriverContract):
    driver = PrometheusDriver

    def section(self, directory: Path) -> dict[str, Any]:
        return {"listen": "127.0.0.1:0"}


class TestInventory(DriverContract):
    driver = InventoryDriver

    def section(self, directory: Path) -> dict[str, Any]:
        return {"publish": f"ipc://{directory}/inventory"}


def test_every_in_tree_driver_is_here() -> None:
    suites = (TestNoop, TestJournal, TestFirewall, TestPrometheus, TestInventory)
    tested = {suite.driver for suite in suites}
    assert {load(name) for name, entry in installed().items() if entry.in_tree} == tested


@pytest.mark.usefixtures("outside")
class TestOutside(DriverContract):
    """The suite as a stranger uses it, on the class that pip installed."""

    source: ClassVar[Path] = OUTSIDE

    @pytest.fixture(scope="class")
    @classmethod
    def site(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return pip_install(cls.source, tmp_path_factory.mktemp("site"))

    @pytest.fixture
    def outside(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(site)
        monkeypatch.setenv("PYTHONPATH", str(site))
        monkeypatch.delitem(sys.modules, "hostmon_outside", raising=False)
        type(self).driver = import_module("hostmon_outside").OutsideDriver

    def section(self, directory: Path) -> dict[str, Any]:
        return {"path": str(directory / "out")}

    def test_is_found_by_its_name(self) -> None:
        entry = find_drivers(["outside"])["outside"]
        assert (entry.refusal, entry.api_version) == ("", API_VERSION)
        assert entry.distribution == "hostmon-outside 2.0"
        assert entry.deprecations == ()


class TestFrozen(TestOutside):
    """A wheel built against the version before this one, never touched since."""

    source = FROZEN

    def test_is_found_by_its_name(self) -> None:
        entry = find_drivers(["outside"])["outside"]
        assert (entry.refusal, entry.api_version) == ("", API_VERSION - 1)
        assert entry.deprecations == (
            "api_version is replaced by api_versions; API 3 ends it",
            "capabilities.kind is replaced by capabilities.topics; API 3 ends it",
        )


class _Unheld(Driver):
    """Breaks one rule at a time; see below."""

    api_versions = (2, 2)

    def start(self, context: object) -> None:
        pass

    def handle(self, event: object) -> None:
        pass

    def stop(self) -> None:
        pass


def broken(**changes: Any) -> DriverContract:
    suite = DriverContract()
    type_ = type("Broken", (_Unheld,), {"__doc__": "Breaks a rule.", **changes})
    suite.driver = type_  # type: ignore[misc]
    return suite


def returns_a_number(self: object, event: object) -> int:
    return 1


def raises(self: object, *arguments: object) -> None:
    raise KeyError("undeclared")


@pytest.mark.parametrize(
    ("changes", "test", "text"),
    [
        ({"handle": returns_a_number}, "test_takes_an_event_of_each_kind_it_wants", "returned int"),
        ({"handle": raises}, "test_takes_an_event_of_each_kind_it_wants", "raised KeyError"),
        ({"stop": raises}, "test_stops_within_a_second_and_starts_anew", "it may raise nothing"),
        ({"start": raises}, "test_two_of_it_do_not_see_each_other", "raised KeyError"),
    ],
)
def test_the_suite_tells_a_breach(
    tmp_path: Path, changes: dict[str, Any], test: str, text: str
) -> None:
    with pytest.raises(Exception, match=text):
        getattr(broken(**changes), test)(tmp_path)
