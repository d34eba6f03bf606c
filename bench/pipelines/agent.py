"""The whole agent on a real libvirtd, with a busy Python thread beside it.

``python -m bench.pipelines.agent EVENTS_ADDRESS REQUESTS_ADDRESS``, ends with standard input.
"""

import sys

from bench.pipelines.process import Busy
from hostmon.agent import Agent
from hostmon.settings import AgentSettings, BusSettings, Settings


def main(events: str, requests: str) -> None:
    """Start, say so, run until standard input closes."""
    settings = Settings(
        agent=AgentSettings(uri="qemu:///system"),
        bus=BusSettings(events=(events,), requests=requests),
    )
    agent = Agent(settings)
    agent.start()
    Busy().set("on")
    print(agent.web_addresses()[0], flush=True)
    sys.stdin.read()
    agent.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
