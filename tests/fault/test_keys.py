"""Keys over CURVE: strangers get nothing, a revoked key ends what it had, the rest lose nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq

from hostmon import keys
from hostmon.client import guests as ask_guests
from hostmon.client import status as ask_status
from hostmon.errors import AgentUnreachableError
from tests.agent_process import free_port, wait_for
from tests.fault.baseline import Baseline
from tests.fault.fed import FedAgent, fed_agent
from tests.fault.figures import tell
from tests.fault.viewer import Viewer

CHUNK = 400
BEHIND = 10 * CHUNK


class Keyed:
    """A fed agent with keys on TCP, and the folders of both sides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "keys"
        self.own = folder / "own"
        keys.new_pair(self.folder, "agent")
        self.public = keys.load_public(str(self.folder / "agent.key"))
        self.events, self.requests = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
        self.bus = (
            f'[bus]\nring_mib = 1\nkeys = "{self.folder}"\n'
            f'events = ["ipc://{folder}/events.sock", "{self.events}"]\n'
            f'requests = ["ipc://{folder}/requests.sock", "{self.requests}"]\n'
        )

    def client(self, name: str, *, allow: bool, agent_key: str = "") -> Viewer:
        """A viewer over TCP with a pair of its own."""
        if not (self.own / f"{name}{keys.SECRET_SUFFIX}").exists():
            keys.new_pair(self.own, name)
        if allow:
            self.allow(name)
        secret = str(self.own / f"{name}{keys.SECRET_SUFFIX}")
        return Viewer(self.events, self.requests, secret, agent_key or self.public)

    def allow(self, name: str) -> None:
        keys.allow(self.folder, name, keys.load_public(str(self.own / f"{name}.key")))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Keyed, FedAgent]]:
    folder = tmp_path_factory.mktemp("keyed")
    made = Keyed(folder)
    with fed_agent(folder, bus=made.bus) as running:
        running.feed(100_000)  # fills the ring
        yield made, running


def joins(viewer: Viewer) -> bool:
    return viewer.report().joined


class Turn:
    """A round of strangers, and of one client that is let in, turned out and let in again."""

    def __init__(self, made: Keyed, agent: FedAgent, kept: Viewer) -> None:
        self.fed = 0
        self.back_s = 0.0
        with ExitStack() as held:
            strangers = [
                held.enter_context(viewer)
                for viewer in (
                    made.client("stranger", allow=False),
                    Viewer(made.events, made.requests),
                    made.client("kept", allow=False, agent_key=zmq.curve_keypair()[0].decode()),
                )
            ]
            brief = held.enter_context(made.client("brief", allow=True))
            wait_for(lambda: joins(brief))
            keys.revoke(made.folder, "brief")
            self._feed_until(agent, lambda: behind(brief, agent) > BEHIND)
            had = brief.report()
            self._feed_until(agent, lambda: behind(kept, agent) < BEHIND)
            kept.caught_up(agent)
            assert brief.report().events == had.events, "revoked, and served"
            made.allow("brief")  # without a restart
            self.back_s = brief.caught_up(agent)
            keys.revoke(made.folder, "brief")
            wait_for(lambda: keys_known(agent) == 1)
            for stranger in strangers:
                seen = stranger.report()
                assert (seen.joined, seen.events, seen.heartbeats) == (False, 0, 0)
            kept.caught_up(agent)

    def _feed_until(self, agent: FedAgent, condition: Callable[[], bool]) -> None:
        """Feed events all the time until a condition holds."""

        def fed_and_done() -> bool:
            agent.feed(CHUNK)
            self.fed += CHUNK
            return condition()

        wait_for(fed_and_done)


@pytest.mark.fault("keys")
@pytest.mark.timeout(300)
def test_only_allowed_keys_are_served(keyed: tuple[Keyed, FedAgent], full: bool) -> None:
    made, agent = keyed
    with made.client("kept", allow=True) as kept:
        wait_for(lambda: joins(kept))
        begun = kept.report().resumed
        fed = Turn(made, agent, kept).fed  # what encrypting needs at first is no growth
        with Baseline(agent.process.pid, agent.port) as baseline:
            before = agent.ask("status")["gate"]["denied"]
            turns = [Turn(made, agent, kept) for _ in range(10 if full else 1)]
            denied = agent.ask("status")["gate"]["denied"] - before
        seen = kept.report()
    fed += sum(turn.fed for turn in turns)
    assert denied > 0
    assert (seen.holes, seen.disordered) == (0, 0)
    assert seen.resumed - begun == fed // 2
    assert set(seen.repairs) == {"gap by replay"}
    tell(
        "keys", denied=denied, revoked=2 * len(turns), events=fed, replayed=seen.replayed,
        lost=seen.holes, recovery_s=max(turn.back_s for turn in turns), **baseline.figures(),
    )  # fmt: skip


def keys_known(agent: FedAgent) -> int:
    """How many keys the agent allows; -1 while its sockets are opened anew."""
    try:
        return ask_status(agent.requests, 1).gate.keys
    except AgentUnreachableError:
        return -1


def behind(viewer: Viewer, agent: FedAgent) -> int:
    """How many events a viewer has yet to see."""
    complete = viewer.report().complete
    return ask_guests(agent.requests).sequence - complete if complete else 0
