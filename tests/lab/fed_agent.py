"""An agent that can be fed more events than libvirt raises; run inside a node.

``python -m tests.lab.fed_agent CONFIG``: prints the page's address, then for each line of standard
input, a count, feeds that many lifecycle events of the first guest, and prints the count.
"""

import sys
import uuid
from pathlib import Path

from hostmon import kinds
from hostmon._pipe import record
from hostmon.agent import Agent
from hostmon.memory import settle
from hostmon.settings import load
from tests.native.synthetic import put_repeatedly


def main(config: str) -> None:
    """Run until standard input closes."""
    agent = Agent(load(Path(config)))
    agent.start()
    print(agent.web_addresses()[0], flush=True)
    for turn, line in enumerate(sys.stdin):
        if turn == 0:  # as the command does: every guest is known, and a scrape was served
            settle()
        guest = agent.guests()[0]
        for number in range(2):  # suspended, resumed: as long as a real event, and a real change
            one = record(
                kinds.NUMBERS["lifecycle"],
                uuid=uuid.UUID(guest.uuid).bytes,
                name=guest.name.encode(),
                event=3 + number,
                detail=0,
                id=guest.id,
            )
            put_repeatedly(agent._pipe, one, int(line) // 2)
        print(line.strip(), flush=True)
    agent.stop()


if __name__ == "__main__":
    main(sys.argv[1])
