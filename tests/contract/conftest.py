"""Faulty drivers installed for one test, and a bus that a supervisor's drivers subscribe to."""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from hostmon.settings import AgentSettings, BusSettings, Settings
from hostmon.status import DriverStatus
from hostmon.supervisor import Supervisor
from hostmon.supervisor.backoff import Backoff
from tests.agent_process import wait_for
from tests.contract.distribution import FAULTY, FAULTY_POINTS, make
from tests.unit.bus import Bus

QUICK = Backoff(first=0.05, longest=0.2, failures=3)
Sections = Mapping[str, Mapping[str, object]]


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every faulty driver, installed for this process and for those it starts."""
    directory = make(tmp_path / "site", "faulty-drivers", FAULTY_POINTS, FAULTY)
    monkeypatch.syspath_prepend(directory)
    monkeypatch.setenv("PYTHONPATH", str(directory))
    return directory


class NoView:
    """No agent: whatever a driver asks fails the test."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        raise AssertionError(f"a driver asked for {name}")


class Bench:
    """A bus with one guest whose events go round, and a supervisor of drivers on it."""

    def __init__(self, directory: Path) -> None:
        self._bus = Bus(directory)
        self.rig = self._bus.rig
        self._guest = uuid.uuid4()
        self.sent = 0
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self.supervisor: Supervisor | None = None

    def settings(self, *names: str, sections: Sections | None = None) -> Settings:
        """A configuration that names drivers, with sections by name."""
        return Settings(
            agent=AgentSettings(drivers=names),
            bus=BusSettings(events=(self.rig.address,), requests=self._bus.endpoint.requests),
            drivers={name: dict(keys) for name, keys in (sections or {}).items()},
        )

    def run(self, *names: str, sections: Sections | None = None) -> Supervisor:
        """Start the drivers."""
        view = NoView()
        settings = self.settings(*names, sections=sections)
        self.supervisor = Supervisor(settings, "h", view, QUICK)  # type: ignore[arg-type]
        self.supervisor.start()
        return self.supervisor

    def send(self, count: int = 1) -> int:
        """Publish lifecycle events; how many were in all."""
        for _ in range(count):
            self.rig.put_lifecycle(self._guest, 2, 0, id_=1)
            self.sent += 1
        return self.sent

    def keep_sending(self) -> None:
        """Publish an event every 10 ms until closed."""

        def send() -> None:
            while not self._end.wait(0.01):
                self.send()

        self._thread = threading.Thread(target=send)
        self._thread.start()

    def state(self, name: str) -> DriverStatus:
        """One driver's status."""
        assert self.supervisor is not None
        return next(status for status in self.supervisor.status() if status.name == name)

    def reaches(self, name: str, state: str, deadline: float = 30) -> DriverStatus:
        """Wait for a driver's state."""
        wait_for(lambda: self.state(name).state == state, deadline)
        return self.state(name)

    def close(self) -> None:
        """Take everything down."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(5)
        if self.supervisor is not None:
            self.supervisor.stop()
        self._bus.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Closed at the end."""
    made = Bench(tmp_path)
    try:
        yield made
    finally:
        made.close()
