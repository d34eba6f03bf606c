"""Runs inside a node: hostmon's kumina page beside the real exporter's; prints the report.

usage: python -m tests.lab.kumina_beside GUESTS PORT
"""

import subprocess
import sys
import tempfile
import time

import msgspec

from hostmon.agent import Agent
from hostmon.exposition import Format
from hostmon.scrape import Scrape, read
from hostmon.settings import AgentSettings, BusSettings, Settings
from hostmon.verify import Report, fetch, verify

URI = "qemu:///system"
# Twice as long, and a late reading of a busy machine is left out of the page.
CADENCES = dict.fromkeys(("block", "balloon", "job", "interface"), 2.0)
DEADLINE_S = 40.0
LAST_TO_COME = "libvirt_domain_block_stats_write_requests_total"


def compared(agent: Agent, guests: int, address: str) -> Report:
    """The comparison, once every running guest's disks have been read."""

    def ours() -> Scrape:
        return read(agent._exposition.page(profile="kumina"), Format.TEXT.value)

    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if [name for name, _ in ours().values].count(LAST_TO_COME) >= guests:
            break
        time.sleep(0.1)
    return verify(
        f"http://{address}/metrics",
        "ours",
        settle_s=2,
        fetch=lambda url: ours() if url.startswith("ours") else fetch(url),
    )


def main(guests: int, port: int) -> None:
    """The report as JSON on stdout."""
    address = f"127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        bus = BusSettings(events=(f"ipc://{folder}/events",), requests=f"ipc://{folder}/requests")
        agent = Agent(
            Settings(
                agent=AgentSettings(uri=URI, drivers=()),
                bus=bus,
                virt={"libvirt": {"cadences": CADENCES}},
            )
        )
        exporter = subprocess.Popen(
            ["prometheus-libvirt-exporter", f"--web.listen-address={address}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        agent.start()
        try:
            report = compared(agent, guests, address)
        finally:
            exporter.terminate()
            exporter.wait(5)
            agent.stop()
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
