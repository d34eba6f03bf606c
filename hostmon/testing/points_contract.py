"""The contract suites of the plug points that act on guests; see :mod:`.driver_contract`.

Subclass one in a test file, name the driver; pytest runs the rest. No libvirtd is needed: what a
driver does to real guests its own tests must show.
"""

import uuid
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from hostmon.driver.contract import Guard
from hostmon.driver.plugin import Plugin
from hostmon.driver.points import FIREWALL, VIF, VOLUME, Point
from hostmon.driver.versions import negotiate
from hostmon.errors import GuestTimeoutError, LibvirtError, RequestRefusedError, SettingsError
from hostmon.host import Host
from hostmon.loader.classes import check_declaration, own_settings, versions_of
from hostmon.points import PointContext
from hostmon.points.interfaces import Vif
from hostmon.points.volumes import Volume
from hostmon.testing.points_samples import GuestStub, sample_vifs, sample_volumes
from hostmon.xml.check import check
from hostmon.xml.element import Element


class PointContract:
    """What holds for a driver of any of these points."""

    point: ClassVar[Point]
    driver: ClassVar[type[Plugin]]

    def section(self, directory: Path) -> dict[str, Any]:
        """The driver's own settings for a test; files belong under ``directory``."""
        del directory
        return {}

    def guarded(self) -> Guard:
        """A new driver behind its contract."""
        return Guard(self.driver.__name__, self.driver(), self.point.base)

    def context(self, directory: Path) -> PointContext:
        """A host that nobody has connected."""
        name = self.driver.__name__
        settings = own_settings(name, self.driver, self.section(directory), self.point)
        return PointContext(host=Host("unused:///", read_write=True), settings=settings)

    def test_declares_what_the_loader_accepts(self) -> None:
        """A version that is spoken here, capabilities of its point, settings that are typed."""
        negotiate(*versions_of(self.driver))
        check_declaration(self.driver, self.point)
        assert (self.driver.__doc__ or "").strip(), "a docstring: `hostmon drivers` shows it"

    def test_refuses_a_setting_that_it_does_not_know(self, tmp_path: Path) -> None:
        """A typing error in the configuration must be told."""
        section = {**self.section(tmp_path), "no_such_setting": 1}
        with suppress(SettingsError):
            own_settings("driver", self.driver, section, self.point)
            raise AssertionError("settings_type takes unknown keys: forbid_unknown_fields=True")

    def test_stops_without_having_started(self) -> None:
        """``stop`` follows a ``start`` that raised at once."""
        self.guarded()("stop")


class _PluggingContract(PointContract):
    """What holds for vif and volume drivers alike: ``requests`` is one of each type there is.

    Name in ``touches_host`` the types for which the driver changes the host: none is plugged here.
    """

    requests: ClassVar[dict[str, Any]]
    touches_host: ClassVar[tuple[str, ...]] = ()

    def known(self) -> dict[str, Any]:
        """Those of the types that the driver declares."""
        types = getattr(self.driver.capabilities, "types", ())
        assert types, "declare the types that it plugs"
        assert set(types) <= set(self.requests), f"{types}: there are {', '.join(self.requests)}"
        return {name: self.requests[name] for name in types}

    def test_makes_what_libvirts_schema_takes(self, tmp_path: Path) -> None:
        """Of each type it declares; what it made goes into guests' XML."""
        guard = self.guarded()
        guard("start", self.context(tmp_path))
        for request in self.known().values():
            element: Element = guard("element", request)
            assert check(element.to_xml()) == [], element.to_xml()
        guard("stop")

    def test_refuses_every_other_type(self, tmp_path: Path) -> None:
        """By RequestRefusedError, in all three calls."""
        guard = self.guarded()
        guard("start", self.context(tmp_path))
        for name, request in self.requests.items():
            if name in self.known():
                continue
            with suppress(RequestRefusedError):
                guard("element", request)
                raise AssertionError(f"takes the type {name!r}, which it does not declare")
        guard("stop")

    def test_passes_on_what_a_guest_refuses(self, tmp_path: Path) -> None:
        """An error of libvirt's is declared, and crosses as what it is."""
        for error in (LibvirtError("refused", 1), GuestTimeoutError("slow")):
            guard = self.guarded()
            guard("start", self.context(tmp_path))
            harmless = set(self.known()) - set(self.touches_host)
            for name, call in product(sorted(harmless), ("plug", "unplug")):
                with suppress(type(error), RequestRefusedError, LibvirtError):
                    guard(call, GuestStub(error), self.requests[name])
                    raise AssertionError(f"{call}() hides that {error!r}")
            guard("stop")


class VifContract(_PluggingContract):
    """Tests of one driver under ``hostmon.vif``."""

    point = VIF
    requests: ClassVar[dict[str, Vif]] = sample_vifs()


class VolumeContract(_PluggingContract):
    """Tests of one driver under ``hostmon.volume``."""

    point = VOLUME
    requests: ClassVar[dict[str, Volume]] = sample_volumes()


class FirewallContract(PointContract):
    """Tests of one driver under ``hostmon.firewall``."""

    point = FIREWALL

    def test_a_host_that_is_not_connected_is_an_error_it_declares(self, tmp_path: Path) -> None:
        """A driver that needs nothing of the host starts, and knows no guest's filter."""
        guard = self.guarded()
        try:
            guard("start", self.context(tmp_path))
            assert guard("forget", uuid.UUID(int=0)) is False
        except LibvirtError:
            assert getattr(self.driver.capabilities, "acts", False), "declare that it acts"
        guard("stop")
