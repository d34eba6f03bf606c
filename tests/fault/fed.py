"""An agent that can be fed more events than any hypervisor raises, in a process of its own.

As a program, run as ``hostmon run`` is: for each line ``COUNT`` of standard input it puts that many
lifecycle events of its guests into the pipe, as the callbacks would, and prints the count.
"""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hostmon import agent as agent_module
from hostmon import cli, kinds
from hostmon._pipe import record
from hostmon.agent import Agent
from hostmon.client import guests as ask_guests
from hostmon.client import status as ask_status
from tests.agent_process import AgentProcess, wait_for
from tests.native.synthetic import put_repeatedly

GUESTS = 20
RUN = 10  # events of a kind and guest in succession
FAKE = f"""
[agent]
virt = "fake"
[virt.fake]
guests = {GUESTS}
"""


def small_ring(folder: Path, mib: int = 1) -> str:
    """A bus whose ring of recent events is full, and grows no more, after some 40,000 a MiB."""
    events, requests = (f"ipc://{folder}/{name}.sock" for name in ("events", "requests"))
    return f'[bus]\nring_mib = {mib}\nevents = ["{events}"]\nrequests = "{requests}"\n'


class FedAgent(AgentProcess):
    """An agent of GUESTS running guests of the fake hypervisor, which are suspended and resumed."""

    def __init__(
        self, directory: Path, *, config: str = FAKE, bus: str = "", wrapper: Sequence[str] = ()
    ) -> None:
        super().__init__(
            directory,
            config=config,
            bus=bus,
            program=(*wrapper, sys.executable, "-m", "tests.fault.fed"),
            stdin=subprocess.PIPE,
        )

        self.addresses: dict[str, bytes] = {}  # of its sockets, with the kind each talks to

    def order(self, count: int) -> None:
        """Feed so many events, a multiple of ``2 * GUESTS * RUN``; does not wait."""
        assert count % (2 * GUESTS * RUN) == 0
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d\n" % count)
        self.process.stdin.flush()

    def fed(self) -> int:
        """Wait for the end of the oldest order."""
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).strip().isdigit():
            assert line, self.log.read_text()
        return int(line)

    def feed(self, count: int) -> None:
        """Feed, and wait until everything is in the pipe."""
        self.order(count)
        self.fed()

    def join(self, *drivers: str) -> None:
        """Feed until these drivers are given events: one that runs may have yet to join the bus."""
        waiting = set(drivers)

        def joined() -> bool:
            self.feed(2 * GUESTS * RUN)
            shown = ask_status(self.requests, 10).drivers
            waiting.difference_update(one.name for one in shown if one.handled)
            return not waiting

        wait_for(joined)


@contextmanager
def fed_agent(
    directory: Path, *, config: str = FAKE, bus: str = "", wrapper: Sequence[str] = ()
) -> Iterator[FedAgent]:
    """A running one, killed at the end if it still runs; ``wrapper`` is a command to start it."""
    running = FedAgent(directory, config=config, bus=bus, wrapper=wrapper)
    try:
        running.wait_until_ready()
        wait_for(lambda: len(ask_guests(running.requests).guests) == GUESTS)
        yield running
    finally:
        running.close()


class Fed(Agent):
    """The agent, which obeys standard input besides, from a thread of its own."""

    def start(self) -> None:
        super().start()
        threading.Thread(target=self._obey, name="fed", daemon=True).start()

    def _obey(self) -> None:
        for line in sys.stdin:
            feed(self, int(line))
            print(line.strip(), flush=True)


def feed(agent: Agent, count: int) -> None:
    """Suspend and resume every guest, over and over; each is running in the end."""
    records = [
        record(
            kinds.NUMBERS["lifecycle"],
            uuid=uuid.UUID(guest.uuid).bytes,
            name=guest.name.encode(),
            event=event,
            detail=0,
            id=guest.id,
        )
        for guest in agent.guests()
        for event in (3, 4)  # suspended, resumed
    ]
    for _ in range(count // (len(records) * RUN)):
        for one in records:
            put_repeatedly(agent._pipe, one, RUN)


if __name__ == "__main__":
    agent_module.Agent = Fed  # type: ignore[misc]
    sys.exit(cli.main())
