"""The Prometheus driver over real HTTP: what it answers, and what it does not wait for."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

from hostmon.errors import SettingsError
from hostmon.typed import convert
from hostmon_drivers.prometheus.driver import PrometheusSettings
from hostmon_drivers.prometheus.protocol import MOST_CONNECTIONS
from tests.agent_process import AgentProcess, agent, wait_for

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent(tmp_path_factory.mktemp("prometheus")) as running:
        yield running


def test_every_guest_has_its_series_and_events_are_counted(demo: AgentProcess) -> None:
    wait_for(lambda: sum("libvirt_domain_info{" in series for series in demo.metrics()) == 20)
    first = demo.metrics()
    assert first["hostmon_connection_up"] == 1
    counted = 'hostmon_events_total{kind="lifecycle"}'
    wait_for(lambda: demo.metrics()[counted] > first[counted])
    assert "process_resident_memory_bytes" in first
    later = demo.metrics()
    assert later["hostmon_pages_total"] > first["hostmon_pages_total"]
    assert 0 < later["hostmon_last_page_seconds"] <= later["hostmon_page_seconds_total"]
    states = [
        value for series, value in first.items() if series.startswith("libvirt_domain_state{")
    ]
    assert sum(states) == 20


def test_formats_are_negotiated(demo: AgentProcess) -> None:
    status, body, headers = demo.fetch("metrics", Accept=OPENMETRICS)
    assert status == 200
    assert headers["content-type"].startswith("application/openmetrics-text")
    families = parse(body.decode())  # type: ignore[no-untyped-call]
    assert {family.name for family in families} >= {
        "libvirt_domain",
        "hostmon_events",
    }
    _, body, headers = demo.fetch("metrics")
    assert headers["content-type"].startswith("text/plain")
    assert b"# EOF" not in body
    preferred = {
        f"{OPENMETRICS};q=0.1, text/plain;q=1": "text/plain",
        f"application/openmetrics-text;version=0.0.1;q=0.9,{OPENMETRICS};q=0.5,*/*;q=0.1": (
            "application/openmetrics-text"
        ),
        f"{OPENMETRICS};q=0.000": "text/plain",
    }
    for accept, media in preferred.items():
        assert demo.fetch("metrics", Accept=accept)[2]["content-type"].startswith(media), accept


@pytest.mark.parametrize(
    "name", ["libvirt_domain_info", "hostmon_sequence", "hostmon_events_total", "hostmon_pages",
             "process_cpu_seconds_total"],
)  # fmt: skip
def test_a_family_is_served_alone(demo: AgentProcess, name: str) -> None:
    page = demo.fetch(f"metrics?collect[]={name}")[1].decode()
    assert {line.split()[2].removesuffix("_total") for line in page.splitlines() if "# TYPE" in line
            } == {name.removesuffix("_total")}  # fmt: skip


def test_another_exporters_page_is_served_on_request(demo: AgentProcess) -> None:
    status, body, _ = demo.fetch("metrics?profile=kumina")
    assert status == 200
    assert b"libvirt_domains_number " in body
    assert b"\nhostmon_guest_" not in body
    status, body, _ = demo.fetch("metrics?profile=other")
    assert status == 400
    assert b"profile 'other' is unknown" in body


def test_gzip_is_sent_where_it_is_accepted(demo: AgentProcess) -> None:
    _, body, headers = demo.fetch("metrics", **{"Accept-Encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    assert b"libvirt_domain_info" in gzip.decompress(body)
    _, _, headers = demo.fetch("metrics", **{"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in headers


def test_health_readiness_and_page(demo: AgentProcess) -> None:
    assert demo.fetch("healthz")[0] == 200
    assert demo.fetch("readyz")[0] == 200
    status, page, _ = demo.fetch("")
    assert status == 200
    assert b'href="/metrics"' in page
    assert demo.fetch("nothing")[0] == 404


def test_not_ready_without_libvirt(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("away")
    running = AgentProcess(directory, "--uri", f"qemu+unix:///system?socket={directory}/none")
    try:
        wait_for(lambda: running.fetch("healthz")[0] == 200)
        status, text, _ = running.fetch("readyz")
        assert status == 503
        assert b"libvirt connection down" in text
        assert running.metrics()["hostmon_connection_up"] == 0
    finally:
        running.close()


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
SCRAPE = HEALTH.replace(b"healthz", b"metrics")
ENDED = {
    "silent": (b"", b""),
    "half a request": (HEALTH[:-2], b""),
    "a request that trickles in": (HEALTH[:-2] + b"X: ", b"x"),
    "idle": (HEALTH, b""),
    "idle after a scrape": (SCRAPE, b""),
}
"""What clients say that no server has to wait for: at first, and then again and again."""


def closed_after(port: int, said: bytes, more: bytes) -> float:
    """Seconds until the server closes the connection; no longer than 20."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(0.3)
        connection.sendall(said)
        began = now = time.monotonic()
        while now - began < 20:
            try:
                if not connection.recv(65536):
                    break
            except TimeoutError:
                with suppress(ConnectionError):  # closed while a byte was on its way
                    connection.sendall(more)
            except ConnectionResetError:
                assert more, "reset, not closed"
                break
            now = time.monotonic()
        return time.monotonic() - began


@pytest.fixture(scope="module")
def ended(demo: AgentProcess) -> dict[str, float]:
    """Seconds after which each of ENDED was, all of them beside one another."""
    with ThreadPoolExecutor(len(ENDED)) as pool:
        found = pool.map(lambda says: closed_after(demo.port, *says), ENDED.values())
        return dict(zip(ENDED, found, strict=True))


@pytest.mark.parametrize("says", ["silent", "half a request"])
def test_headers_are_due_within_five_seconds(ended: dict[str, float], says: str) -> None:
    assert 3 < ended[says] < 9


def test_bytes_that_trickle_in_do_not_extend_the_deadline(ended: dict[str, float]) -> None:
    assert ended["a request that trickles in"] < 9


@pytest.mark.parametrize("says", ["idle", "idle after a scrape"])
def test_an_idle_connection_is_closed(ended: dict[str, float], says: str) -> None:
    assert ended[says] < 10


def test_fifty_scrapers_at_once(demo: AgentProcess) -> None:
    answers: list[int] = []

    def scrape() -> None:
        answers.append(demo.fetch("metrics")[0])

    threads = [threading.Thread(target=scrape) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 50


@pytest.mark.parametrize("said", [b"", HEALTH], ids=["silent", "idle"])
def test_clients_that_only_hold_connections_make_room(demo: AgentProcess, said: bytes) -> None:
    folder = Path(f"/proc/{demo.process.pid}/fd")
    before = len(list(folder.iterdir()))
    with ExitStack() as held:
        for number in range(1000):
            peer = held.enter_context(socket.create_connection(("127.0.0.1", demo.port)))
            peer.sendall(said)
            if number % 100 == 99:
                began = time.monotonic()
                assert demo.fetch("metrics")[0] == 200
                assert time.monotonic() - began < 1
                assert len(list(folder.iterdir())) < before + MOST_CONNECTIONS + 160
    wait_for(lambda: len(list(folder.iterdir())) <= before + 2)


@pytest.mark.parametrize("listen", ["", "9177", "localhost:", "localhost:x", "localhost:99999"])
def test_a_bad_address_is_refused(listen: str) -> None:
    with pytest.raises(SettingsError, match="write HOST:PORT"):
        convert({"listen": listen}, PrometheusSettings, "drivers.prometheus")
