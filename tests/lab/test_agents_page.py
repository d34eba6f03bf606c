"""A real agent's own page before its judges: the strict parser, promtool, and a real Prometheus.

The agent monitors a real libvirtd with guests that run, are paused and are off. Prometheus scrapes
it itself; since it takes OpenMetrics wherever that is offered, it has the text of a relay that asks
the agent for text alone.
"""

import http.client
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hostmon.exposition import Format
from hostmon.metrics import CATALOGUE
from hostmon.scrape import Scrape, read
from tests.agent_process import AgentProcess, agent, free_port, wait_for
from tests.lab.guests import define, start
from tests.lab.node import Node
from tests.lab.test_ingestion import asked

LIMIT = 1 << 20
POLL_NS = 32768
DISK = """
<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='/var/lib/libvirt/{name}.img'/><target dev='vda' bus='virtio'/>
<iotune><total_bytes_sec>{limit}</total_bytes_sec></iotune></disk>
<interface type='user'/>
"""
EVERY = json.dumps([metric.name for metric in CATALOGUE])
JUDGES = ("prometheus", "promtool")


def hosted(node: Node) -> list[str]:
    """A guest that runs with an iothread, one that is paused, one that is off."""
    names = []
    for number in range(3):
        image = node.root / f"lib/{node.name(number)}.img"
        image.write_bytes(bytes(1 << 20))
        image.chmod(0o666)
        devices = DISK.format(name=node.name(number), limit=LIMIT)
        names += define(node, 1, first=number, devices=devices, idle=True)
    start(node, names[:1])
    start(node, names[1:2], paused=True)
    node.virsh("iothreadadd", names[0], "7", "--live")
    # Not every kernel lets libvirtd count.
    node.virsh("perf", names[0], "--enable", "page_faults", "--live", check=False)
    return names


@pytest.fixture
def watched(node: Node, tmp_path: Path) -> Iterator[tuple[AgentProcess, list[str]]]:
    """An agent with every family on, once it has read everything of the guests."""
    guests = hosted(node)
    config = f"[metrics]\non = {EVERY}\n"
    with agent(tmp_path, ("--uri", node.uri_readonly), config=config) as running:
        try:
            wait_for(lambda: not lacks(text_of(running)[1], guests), 30)
        except AssertionError:
            pytest.fail(f"not read: {lacks(text_of(running)[1], guests)}")
        yield running, guests


def lacks(found: Scrape, guests: list[str]) -> list[tuple[str, str]]:
    """What is not there yet of what is read in the background: families, each with a guest."""
    there = {(name, dict(labels).get("domain", "")) for name, labels in found.values}
    active = ("block_stats_read_bytes_total", "block_stats_limit_total_bytes_per_second",
              "vcpu_state")  # fmt: skip
    wanted = [(f"libvirt_domain_{name}", guest) for name in active for guest in guests[:2]]
    wanted += [("libvirt_domain_iothread_poll_grow", guests[0]), ("libvirt_domain_info", guests[2])]
    wanted += [("hostmon_host_audit_timestamp_seconds", ""), ("hostmon_host_disk_bytes", "")]
    return [each for each in wanted if each not in there]


def text_of(running: AgentProcess, query: str = "") -> tuple[bytes, Scrape]:
    """The page as text, and its samples."""
    status, body, headers = running.fetch(f"metrics{query}", Accept="text/plain;version=0.0.4")
    assert status == 200
    assert headers["content-type"] == Format.TEXT.value
    return body, read(body, Format.TEXT.value)


def strict_of(running: AgentProcess) -> int:
    """How many samples the strict parser finds in the page as OpenMetrics."""
    accept = "application/openmetrics-text;version=1.0.0"
    status, body, headers = running.fetch("metrics", Accept=accept)
    assert status == 200
    assert headers["content-type"] == Format.OPENMETRICS.value
    families = list(text_string_to_metric_families(body.decode()))  # type: ignore[no-untyped-call]
    return sum(len(family.samples) for family in families)


@contextmanager
def relay(port: int) -> Iterator[int]:
    """A port that serves an agent's page as text, as the agent sends it, to whoever asks."""

    class Relay(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            encoding = self.headers.get("Accept-Encoding", "identity")
            asking = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": encoding}
            connection.request("GET", self.path, headers=asking)
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding"):
                if value := answer.getheader(name):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            connection.close()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def prometheus(folder: Path, targets: dict[str, int]) -> Iterator[int]:
    """A Prometheus that scrapes these ports every second, by job; its own port."""
    jobs = [
        {"job_name": job, "scrape_interval": "1s",
         "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for job, port in targets.items()
    ]  # fmt: skip
    config, own = folder / "prometheus.yml", free_port()
    config.write_text(json.dumps({"scrape_configs": jobs}))
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{own}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield own
    finally:
        process.terminate()
        process.wait(20)


def counted(port: int, query: str) -> int:
    """A query's only number; -1 while there is none."""
    found = asked(port, query)
    return int(found[0]["value"][1]) if len(found) == 1 else -1


@pytest.mark.timeout(180)
def test_the_agents_page_is_accepted_and_ingested_alike_in_both_formats(
    watched: tuple[AgentProcess, list[str]], tmp_path: Path
) -> None:
    if lacking := [name for name in JUDGES if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(lacking)} not found: run ./deploy/bootstrap tests")
    running, guests = watched
    page, found = text_of(running)
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
    assert checked.returncode == 0, checked.stderr.decode()
    for guest in guests:
        assert any(("domain", guest) in labels for _, labels in found.values)
    told: dict[str, int] = {}
    with relay(running.port) as text_port:
        ports = {"openmetrics": running.port, "text": text_port}
        with prometheus(tmp_path, ports) as own:

            def alike() -> bool:
                """The same count by both formats, both parsers, scraped and stored."""
                told["read as text"] = len(text_of(running)[1].values)
                told["parsed strictly"] = strict_of(running)
                for job in ports:
                    told[f"scraped, {job}"] = counted(own, f'scrape_samples_scraped{{job="{job}"}}')
                    stored = f'count({{job="{job}",__name__!~"up|scrape_.+"}})'
                    told[f"stored, {job}"] = counted(own, stored)
                return len(set(told.values())) == 1

            try:
                wait_for(alike, 60)
            except AssertionError:
                pytest.fail(f"{told}\n{(tmp_path / 'prometheus.log').read_text()[-1000:]}")
    assert told["stored, text"] > 60 * len(guests[:2])
    print(f"samples: {told}")


def test_what_is_tuned_and_what_another_exporter_serves_is_libvirts(
    node: Node, watched: tuple[AgentProcess, list[str]]
) -> None:
    running, (guest, paused, off) = watched
    counting = node.virsh("domstats", "--perf", guest)
    found = text_of(running)[1].values
    disk = (("domain", guest), ("target_device", "vda"))
    assert found["libvirt_domain_block_stats_limit_total_bytes_per_second", disk] == LIMIT
    assert found["libvirt_domain_block_stats_limit_burst_total_bytes_per_second", disk] == 0
    iothread = (("domain", guest), ("iothread", "7"))
    assert found["libvirt_domain_iothread_poll_max_seconds", iothread] == POLL_NS / 1e9
    faults = (("domain", guest), ("event", "page_faults"))
    shown = ("libvirt_domain_perf_events_total", faults) in found
    assert shown == ("perf.page_faults=" in counting)
    theirs = text_of(running, "?profile=inovex")[1].values
    for name in (guest, paused):
        assert theirs["libvirt_domain_job_info_type", (("domain", name),)] == 0
        share = theirs["libvirt_domain_memory_stats_used_percent", (("domain", name),)]
        assert share != share, "no balloon driver tells anything: not a number"
    assert theirs["libvirt_domain_info_cpu_time_seconds_total", (("domain", off),)] == 0
    assert ("libvirt_domain_job_info_type", (("domain", off),)) not in theirs
