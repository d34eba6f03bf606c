"""What all faults share: their marker, their size, and a host that survives one after another.

A test carries ``@pytest.mark.fault("name")``; docs/faults.md says of each name what happens.
HOSTMON_FAULTS=full has every fault at its full size, as tests/soak does; otherwise a quick one.
"""

import os
from collections.abc import Callable, Generator, Iterator

import pytest

from tests.fault.figures import tell_end
from tests.fault.outcome import Outcome
from tests.fault.registry import put_through, sizes_of
from tests.fault.stage import GUESTS, Stage
from tests.lab.node import missing

Survive = Callable[[str], Outcome]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(name): the fault of docs/faults.md that is injected")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """HOSTMON_FAULT_ONLY names the faults that are wanted, with commas; all without it."""
    only = [name for name in os.environ.get("HOSTMON_FAULT_ONLY", "").split(",") if name]
    if not only:
        return
    marks = [item.get_closest_marker("fault") for item in items]
    wanted = [mark is not None and mark.args[0] in only for mark in marks]
    config.hook.pytest_deselected(
        items=[item for item, one in zip(items, wanted, strict=True) if not one]
    )
    items[:] = [item for item, one in zip(items, wanted, strict=True) if one]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of each fault whether it was injected."""
    report = yield
    mark = item.get_closest_marker("fault")
    if mark and (call.when == "call" or (call.when == "setup" and not report.passed)):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
        tell_end(mark.args[0], reason.removeprefix("Skipped: ") if report.skipped else "")
    return report


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether faults have their full size: minutes each, not seconds."""
    return os.environ.get("HOSTMON_FAULTS") == "full"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, *, full: bool) -> Iterator[Stage]:
    """A node with guests, an agent, and the recorders of both; shared by a module's faults."""
    if reason := missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("stage")
    with Stage.create(directory, guests=26 if full else GUESTS, patient=full) as made:
        yield made


@pytest.fixture
def survive(stage: Stage, *, full: bool) -> Survive:
    """Puts the stage through a fault by its name, at the size that is wanted."""
    return lambda name: put_through(stage, name, sizes_of(name, full=full))
