"""Five complete agents, two of them on real libvirtds with real guests, and three schedulers."""

import queue
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libvirt
import pytest

from bench.fleet.agent import running_agent
from bench.fleet.rivals import Rival
from hostmon.client import Endpoint, ask, status
from hostmon.scheduler import PlacementRequest, Scheduler
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.status import AgentStatus, ClaimAnswer, ClaimWanted, Request
from tests.agent_process import agent, wait_for
from tests.lab.guests import guest_xml
from tests.lab.node import Node, missing

RATIO = 8.0
MIB = 1 << 20
TTL = 25
DEMO = "[account]\nvcpu_ratio = 50.0\nmemory_ratio = 50.0\nclaim_grace = 0\n"


@dataclass
class Fleet:
    """Agents by the name of their host; those of ``nodes`` are on real libvirtds."""

    endpoints: dict[str, Endpoint]
    nodes: dict[str, Node]
    config: Path

    def status(self, host: str) -> AgentStatus:
        return status(self.endpoints[host])

    def start(self, host: str, guest: str) -> None:
        """Start a real guest of one vCPU by this uuid, as whoever had it placed would."""
        node = self.nodes[host]
        xml = guest_xml(node, node.name(guest[:8]), vcpus=1, idle=True)
        connection = libvirt.open(node.uri)
        try:
            connection.createXML(xml.replace("<name>", f"<uuid>{guest}</uuid><name>"), 0)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two nodes, and three agents on the test driver, whose guests come and go by themselves."""
    if reason := missing():
        pytest.skip(reason)
    endpoints, nodes = {}, {}
    with ExitStack() as stack:
        for _ in range(2):
            node = stack.enter_context(Node.create())
            nodes[node.prefix] = node
            endpoints[node.prefix] = stack.enter_context(running_agent(node, RATIO))
        for number in range(3):
            folder = tmp_path_factory.mktemp("demo")
            config = f'[agent]\nhost = "demo-{number}"\n{DEMO}'
            running = stack.enter_context(agent(folder, config=config))
            endpoints[f"demo-{number}"] = Endpoint(running.events, running.requests)
        config_file = tmp_path_factory.mktemp("schedulers") / "hostmon.toml"
        config_file.write_text(
            f"[scheduler]\nttl = {TTL}\n"
            + "".join(
                f'[scheduler.hosts.{name}]\nevents = "{endpoint.events}"\n'
                f'requests = "{endpoint.requests}"\n'
                for name, endpoint in endpoints.items()
            )
        )
        wait_for(lambda: all(granting(endpoint) for endpoint in endpoints.values()))
        yield Fleet(endpoints, nodes, config_file)


def granting(endpoint: Endpoint) -> bool:
    """Whether an agent grants claims yet: it does once it has listed its guests."""
    request = Request(ask="claim", claim=ClaimWanted(id=str(uuid.uuid4()), vcpus=1, ttl=1.0))
    try:
        answer = ask(endpoint, request)
    except Exception:  # not ready yet
        return False
    return isinstance(answer, ClaimAnswer) and answer.state == "granted"


def room(found: AgentStatus) -> int:
    """vCPUs that the host holds back from nobody: below 0 it is over-committed."""
    assert found.account is not None
    vcpus = found.account.vcpus
    return vcpus.capacity - vcpus.used - vcpus.claimed


def traits_of(fleet: Fleet, host: str) -> set[str]:
    """What a host's processors can do."""
    account = fleet.status(host).account
    assert account is not None
    return set(account.traits)


def test_three_schedulers_on_five_agents_share_no_room(fleet: Fleet) -> None:
    wait_for(lambda: all(fleet.status(host).claims.outstanding == 0 for host in fleet.endpoints))
    told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    rivals = [Rival(fleet.config, told) for _ in range(3)]
    first, second = fleet.nodes
    before = {host: fleet.status(host).claims for host in fleet.endpoints}
    real = sorted(traits_of(fleet, first) - traits_of(fleet, "demo-0"))[:1]
    assert real
    asked: dict[str, str] = {}
    try:
        for number in range(24):
            guest = str(uuid.uuid4())
            asked[guest] = ""
            # By free vCPUs and memory the others suit better: some requests are for these alone.
            traits = real if number % 3 == number // 3 % 3 else []
            order = {"vcpus": 1, "memory": 32 * MIB, "traits": traits, "uuid": guest}
            rivals[number % 3].order(order)
            if number % 8 == 4:  # behind their backs
                fleet.start(first if number % 16 == 4 else second, str(uuid.uuid4()))
        for _ in asked:
            placement = told.get(timeout=60)
            assert placement["host"], placement["reason"]
            asked[placement["request"]["uuid"]] = placement["host"]
            assert room(fleet.status(placement["host"])) >= 0
    finally:
        for rival in rivals:
            rival.close()
    placed = {host: [g for g, at in asked.items() if at == host] for host in fleet.endpoints}
    assert all(placed[host] for host in fleet.nodes), placed
    for host, guests in placed.items():
        claims = fleet.status(host).claims
        assert claims.granted - before[host].granted == len(guests)
        assert claims.outstanding == len(guests)
    confirmed(fleet, placed, before)
    expired(fleet, placed, before)


def confirmed(fleet: Fleet, placed: dict[str, list[str]], before: dict[str, Any]) -> None:
    """On the real hosts every guest starts: its use takes its claim's place, and virsh agrees."""
    for host, node in fleet.nodes.items():
        for guest in placed[host]:
            fleet.start(host, guest)
        expected = len(placed[host])
        wait_for(lambda: fleet.status(host).claims.outstanding == 0)  # noqa: B023
        found = fleet.status(host)
        assert found.claims.confirmed - before[host].confirmed == expected
        running = node.virsh("list", "--name").split()
        assert found.account is not None
        assert found.account.vcpus.used == len(running)
        assert (found.account.vcpus.claimed, found.account.claims) == (0, 0)
        assert room(found) >= 0


def expired(fleet: Fleet, placed: dict[str, list[str]], before: dict[str, Any]) -> None:
    """On the others nobody starts them: what was granted is free again."""
    for host, guests in placed.items():
        if host in fleet.nodes:
            continue
        wait_for(lambda: fleet.status(host).claims.outstanding == 0, TTL + 15)  # noqa: B023
        assert fleet.status(host).claims.expired - before[host].expired == len(guests)


def test_a_host_whose_libvirtd_is_away_is_passed_over_and_comes_back(fleet: Fleet) -> None:
    host, node = next(iter(fleet.nodes.items()))
    endpoint = fleet.endpoints[host]
    with Scheduler([endpoint], filters_named(), weighers_named(), ttl=1.0) as scheduler:
        scheduler.join(10)
        request = PlacementRequest(vcpus=1)
        assert scheduler.place(request).host == host
        node.kill_libvirtd()
        wait_for(lambda: scheduler.update(0.05) is not None and not scheduler.hosts.columns.begin())
        assert scheduler.place(request).reason == "none of 1 hosts: not ready 1"
        wanted = ClaimWanted(id=str(uuid.uuid4()), vcpus=1)
        assert scheduler.claimer.claim(0, wanted) == ("unready", False)
        node.start_libvirtd()
        began = time.monotonic()
        while not scheduler.place(request).host:
            assert time.monotonic() - began < 30, "the host never took a guest again"
            scheduler.update(0.05)
