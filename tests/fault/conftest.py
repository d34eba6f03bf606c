"""What all faults share: their marker, their size, and a host that survives one after another.

A test carries ``@pytest.mark.fault("name")``; docs/faults.md says of each name what happens.
HOSTMON_FAULTS=full has every fault at its full size, as tests/soak does; otherwise a quick one.
"""

import os
from collections.abc import Iterator

import pytest

from tests.fault.stage import Stage
from tests.lab.node import missing


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(name): the fault of docs/faults.md that is injected")


@pytest.fixture(scope="session")
def full() -> bool:
    """Whether faults have their full size: minutes each, not seconds."""
    return os.environ.get("HOSTMON_FAULTS") == "full"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A node with guests, an agent, and the recorders of both; shared by a module's faults."""
    if reason := missing():
        pytest.skip(reason)
    with Stage.create(tmp_path_factory.mktemp("stage")) as made:
        yield made
