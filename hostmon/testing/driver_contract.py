"""The contract suite: what every driver under ``hostmon.drivers`` must hold to, as tests.

Subclass :class:`DriverContract` in a test file, name the driver; pytest runs the rest::

    class TestMine(DriverContract):
        driver = MyDriver

        def section(self, directory):
            return {"path": str(directory / "out")}
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from hostmon.driver import Driver, DriverContext
from hostmon.driver.contract import Guard
from hostmon.driver.versions import negotiate
from hostmon.errors import DriverError, SettingsError
from hostmon.loader.classes import check_declaration, own_settings, versions_of
from hostmon.testing.samples import sample_events
from hostmon.testing.view import FixedView

STOP_LIMIT = 1.0
HANDLE_LIMIT = 1.0


class DriverContract:
    """Tests of one driver; each life gets a directory of its own."""

    driver: ClassVar[type[Driver]]

    def section(self, directory: Path) -> dict[str, Any]:
        """The driver's own settings for a test; files belong under ``directory``."""
        del directory
        return {}

    def context(self, directory: Path) -> DriverContext:
        """What the driver is started with."""
        name = self.driver.__name__
        return DriverContext(
            host="sample-host",
            events_addresses=(),
            view=FixedView(),
            settings=own_settings(name, self.driver, self.section(directory)),
        )

    def guarded(self) -> Guard:
        """A new driver behind its contract."""
        return Guard(self.driver.__name__, self.driver(), Driver)

    def test_declares_what_the_loader_accepts(self) -> None:
        """A version that is spoken here, kinds that exist, settings that are typed."""
        negotiate(*versions_of(self.driver))
        check_declaration(self.driver)
        assert (self.driver.__doc__ or "").strip(), "a docstring: `hostmon drivers` shows it"

    def test_refuses_a_setting_that_it_does_not_know(self, tmp_path: Path) -> None:
        """A typing error in the configuration must be told."""
        section = {**self.section(tmp_path), "no_such_setting": 1}
        with suppress(SettingsError):
            own_settings("driver", self.driver, section)
            raise AssertionError("settings_type takes unknown keys: forbid_unknown_fields=True")

    def test_takes_an_event_of_each_kind_it_wants(self, tmp_path: Path) -> None:
        """Returns None or raises DriverError, within a second, whatever the kind."""
        guard = self.guarded()
        guard("start", self.context(tmp_path))
        try:
            kinds = self.driver.capabilities.kinds
            for kind, event in sample_events().items():
                if kinds and kind not in kinds:
                    continue
                began = time.monotonic()
                with suppress(DriverError):
                    guard("handle", event)
                took = time.monotonic() - began
                assert took < HANDLE_LIMIT, f"{kind}: handle() took {took:.1f} s"
            guard("addresses")
            guard("resume_after")
        finally:
            guard("stop")

    def test_stops_within_a_second_and_starts_anew(self, tmp_path: Path) -> None:
        """What one life held is free for the next."""
        for _ in range(2):
            guard = self.guarded()
            guard("start", self.context(tmp_path))
            began = time.monotonic()
            guard("stop")
            took = time.monotonic() - began
            assert took < STOP_LIMIT, f"stop() took {took:.1f} s"

    def test_stops_without_having_started(self) -> None:
        """``stop`` follows a ``start`` that raised at once."""
        self.guarded()("stop")

    def test_two_of_it_do_not_see_each_other(self, tmp_path: Path) -> None:
        """No state is global to the process: one stops, the other goes on."""
        first, second = self.guarded(), self.guarded()
        for guard, name in ((first, "a"), (second, "b")):
            directory = tmp_path / name
            directory.mkdir()
            guard("start", self.context(directory))
        first("stop")
        event = sample_events()[(self.driver.capabilities.kinds or ("lifecycle",))[0]]
        try:
            with suppress(DriverError):
                second("handle", event)
        finally:
            second("stop")
