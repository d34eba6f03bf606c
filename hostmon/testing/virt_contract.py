"""The contract suite of drivers under ``hostmon.virt``, as tests; see also driver_contract.

Subclass :class:`VirtContract` in a test file, name the driver; pytest runs the rest::

    class TestMine(VirtContract):
        driver = MyDriver

        def section(self, directory):
            return {"path": str(directory)}

        def prepare(self, directory, driver):
            (directory / "one.json").write_text("{}")  # at least one running guest

        def cause_event(self, directory, driver):
            (directory / "two.json").write_text("{}")
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from hostmon import kinds
from hostmon._pipe import EventPipe
from hostmon._table import GuestTable
from hostmon.driver.points import VIRT
from hostmon.driver.sinks import Columns, EventSink
from hostmon.driver.versions import negotiate
from hostmon.driver.virt import GuestDescription, VirtContext, VirtDriver
from hostmon.errors import DriverError, GuestNotFoundError, HypervisorError, SettingsError
from hostmon.hypervisor import Connection, Hypervisor
from hostmon.loader.classes import check_declaration, own_settings, versions_of
from hostmon.settings import ConnectionSettings

STOP_LIMIT = 1.0
EVENT_LIMIT = 5.0
NOBODY = UUID("6f3a2b1c-0d4e-4f5a-8b6c-7d8e9f0a1b2c")


class VirtContract(ABC):
    """Tests of one virt driver; each life gets a directory of its own."""

    driver: ClassVar[type[VirtDriver]]
    uri: ClassVar[str] = "suite:///"

    def section(self, directory: Path) -> dict[str, Any]:
        """The driver's own settings for a test."""
        del directory
        return {}

    def prepare(self, directory: Path, driver: Any) -> None:
        """See to it that at least one guest runs."""
        del directory, driver

    @abstractmethod
    def cause_event(self, directory: Path, driver: Any) -> None:
        """Change a guest so that the driver has an event to tell."""

    @contextmanager
    def started(self, directory: Path) -> Iterator[Hypervisor]:
        """A driver behind its contract, with a table that knows its guests."""
        name = self.driver.__name__
        self.table = GuestTable()
        context = VirtContext(
            host="sample-host",
            uri=self.uri,
            connection=ConnectionSettings(),
            settings=own_settings(name, self.driver, self.section(directory), VIRT),
            columns=Columns(self.table),
        )
        hypervisor = Hypervisor(name, self.driver, context)
        try:
            self.prepare(directory, hypervisor.driver)
            yield hypervisor
        finally:
            hypervisor.stop()

    def known(self, connection: Connection) -> list[GuestDescription]:
        """The guests, put into the table as the agent would."""
        guests = list(connection.guests())
        for guest in guests:
            self.table.upsert(guest.uuid.bytes, guest.name.encode())
            self.table.set_state(guest.uuid.bytes, guest.state, guest.reason, guest.id)
        assert guests, "prepare() must make a guest run"
        return guests

    def test_declares_what_the_loader_accepts(self) -> None:
        """A version that is spoken here, settings that are typed, a line for `hostmon drivers`."""
        negotiate(*versions_of(self.driver))
        check_declaration(self.driver, VIRT)
        assert (self.driver.__doc__ or "").strip(), "a docstring: `hostmon drivers` shows it"

    def test_refuses_a_setting_that_it_does_not_know(self, tmp_path: Path) -> None:
        """A typing error in the configuration must be told."""
        section = {**self.section(tmp_path), "no_such_setting": 1}
        with suppress(SettingsError):
            own_settings("driver", self.driver, section, VIRT)
            raise AssertionError("settings_type takes unknown keys: forbid_unknown_fields=True")

    def test_a_list_and_a_look_agree(self, tmp_path: Path) -> None:
        """What is listed is found by its uuid, and makes sense."""
        with self.started(tmp_path) as hypervisor, hypervisor.connect() as connection:
            assert connection.version()
            assert connection.describe_host().vcpus > 0
            guests = self.known(connection)
            assert len({guest.uuid for guest in guests}) == len(guests)
            for guest in guests:
                assert 0 <= guest.state < len(kinds.STATES)
                assert (guest.id >= 0) == (guest.live is not None)
                assert guest.persistent == (guest.config is not None)
                assert connection.guest(guest.uuid).name == guest.name
            assert any(guest.id >= 0 for guest in guests)

    def test_a_guest_that_is_not_there_is_told_apart(self, tmp_path: Path) -> None:
        """GuestNotFoundError, and the connection lives on."""
        with self.started(tmp_path) as hypervisor, hypervisor.connect() as connection:
            with suppress(GuestNotFoundError):
                connection.guest(NOBODY)
                raise AssertionError("a guest of an unknown uuid was found")
            assert connection.version()

    def test_every_reading_can_be_read(self, tmp_path: Path) -> None:
        """Names are unique, eight at most; guests that are unknown harm nothing."""
        with self.started(tmp_path) as hypervisor, hypervisor.connect() as connection:
            names = [reading.name for reading in hypervisor.readings]
            assert len(names) == len(set(names)) <= 8
            uuids = (*(guest.uuid for guest in self.known(connection)), NOBODY)
            assert connection.busy(uuids) == ()
            for name in names:
                assert 0 <= connection.read(name, uuids) <= len(uuids)
            assert not names or self.read_something(uuids[0])

    def read_something(self, uuid: UUID) -> bool:
        """Whether some column of a guest has been written."""
        return bool(self.table.snapshot().guest(uuid.bytes).valid)

    def test_events_come_until_the_connection_is_closed(self, tmp_path: Path) -> None:
        """And none after."""
        pipe = EventPipe()
        with self.started(tmp_path) as hypervisor:
            connection = hypervisor.connect(EventSink(pipe, lambda _: None))
            self.cause_event(tmp_path, hypervisor.driver)
            end = time.monotonic() + EVENT_LIMIT
            while not pipe.written:
                assert time.monotonic() < end, f"no event within {EVENT_LIMIT:g} s"
                time.sleep(0.01)
            connection.close()

    def test_the_image_cache_is_looked_after_where_it_is_declared(self, tmp_path: Path) -> None:
        """A report, or an error that is declared."""
        with self.started(tmp_path) as hypervisor:
            if hypervisor.has_imagecache:
                with suppress(DriverError, HypervisorError):
                    hypervisor.manage_image_cache()

    def test_stops_within_a_second_and_starts_anew(self, tmp_path: Path) -> None:
        """What one life held is free for the next, connections open or not."""
        for _ in range(2):
            with self.started(tmp_path) as hypervisor:
                connection = hypervisor.connect()
                began = time.monotonic()
                hypervisor.stop()
                took = time.monotonic() - began
                assert took < STOP_LIMIT, f"stop() took {took:.1f} s"
                connection.close()
