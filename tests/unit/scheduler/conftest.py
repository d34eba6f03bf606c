"""A host whose agent begins anew, for tests that ask for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.scheduler.restarted import Restarted


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Restarted]:
    made = Restarted(tmp_path)
    yield made
    made.close()
