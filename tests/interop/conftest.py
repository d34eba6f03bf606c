"""The C subscriber, compiled once; and a maker of subscribers of either implementation."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hostmon.client import Endpoint, Filter, asking
from tests.interop.clients import EVERYTHING, Client, InC, InPython, Numbers, compiled

Follow = Callable[..., Client]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C subscriber, compiled."""
    return compiled(tmp_path_factory.mktemp("interop"))


@pytest.fixture(params=["python", "c"])
def follow(
    request: pytest.FixtureRequest, program: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Follow]:
    """Makes subscribers of one implementation, that ask again after 0.2 s without an answer."""
    monkeypatch.setattr(asking, "ANSWER_TIMEOUT", 0.2)
    with ExitStack() as stack:

        def make(
            endpoint: Endpoint,
            wanted: Filter = EVERYTHING,
            *,
            view: bool = False,
            lose: Collection[Numbers] = (),
        ) -> Client:
            made: Client
            if request.param == "python":
                made = InPython(endpoint, wanted, view=view, lose=lose)
            else:
                made = InC.wanting(program, endpoint, wanted, view=view, lose=lose)
            stack.callback(made.close)
            return made

        yield make
