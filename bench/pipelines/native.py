"""hostmon's own pipeline: the agent without drivers. ``-m bench.pipelines.native ADDRESS``."""

import sys

from bench.pipelines.process import URI, serve
from hostmon import kinds
from hostmon._pipe import record
from hostmon.agent import Agent
from hostmon.settings import AgentSettings, BusSettings, Settings
from tests.native.synthetic import put_repeatedly


class Native:
    """The whole agent, as ``hostmon run`` wires it."""

    def __init__(self, address: str) -> None:
        self._agent = Agent(
            Settings(
                agent=AgentSettings(uri=URI, host="host", drivers=()),
                bus=BusSettings(events=(address,), requests=f"{address}.requests"),
            )
        )
        self._agent.start()

    def inject(self, count: int) -> None:
        """Put records into the pipe as the C callback would."""
        one = record(
            kinds.NUMBERS["lifecycle"], uuid=bytes(range(16)), name=b"test", event=3, detail=0, id=1
        )
        put_repeatedly(self._agent._pipe, one, count)  # noqa: SLF001  # nobody else may feed it


if __name__ == "__main__":
    serve(Native(sys.argv[1]))
