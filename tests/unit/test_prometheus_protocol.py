"""The short way of a scrape: which requests take it, and that the others are uvicorn's still."""

import contextlib
import gzip
import re
import socket
import time
from collections.abc import Iterator

import pytest

from hostmon_drivers.prometheus.protocol import LONGEST, scrape_in
from hostmon_drivers.prometheus.scrapes import Asked, accepts_gzip
from tests.agent_process import AgentProcess, agent

PROMETHEUS = (
    b"GET /metrics HTTP/1.1\r\nHost: h:9177\r\nUser-Agent: Prometheus/2.42\r\n"
    b"Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n"
    b"X-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"
)
BARE = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent(tmp_path_factory.mktemp("protocol")) as running:
        yield running


def test_what_prometheus_sends_takes_the_short_way() -> None:
    asked = scrape_in(PROMETHEUS)
    assert asked == Asked("", "application/openmetrics-text;version=1.0.0,*/*;q=0.1", "gzip")
    query = BARE.replace(b"/metrics", b"/metrics?collect[]=a&profile=kumina")
    assert scrape_in(query) == Asked("collect[]=a&profile=kumina")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        BARE[:-2],
        BARE + b"G",
        BARE + BARE,
        BARE.replace(b"GET", b"HEAD"),
        BARE.replace(b"GET", b"get"),
        BARE.replace(b"/metrics", b"/metric"),
        BARE.replace(b"/metrics", b"/metrics/"),
        BARE.replace(b"/metrics", b"http://h/metrics"),
        BARE.replace(b"/metrics", b"/metrics?a=\xff"),
        BARE.replace(b"1.1", b"1.0"),
        BARE.replace(b"Host: h\r\n", b""),
        BARE.replace(b"Host: h", b"Host : h"),
        BARE.replace(b"Host: h", b"Host: h\x00"),
        BARE.replace(b"Host: h", b"Host: h\nX: y"),
        BARE.replace(b"Host: h", b"Host: h\r\n folded"),
        BARE.replace(b"Host: h", b"Host: h\r\nHost: i"),
        BARE.replace(b"Host: h", b"Host: h\r\nConnection: close"),
        BARE.replace(b"Host: h", b"Host: h\r\nContent-Length: 0"),
        BARE.replace(b"Host: h", b"Host: h\r\ntransfer-encoding: chunked"),
        BARE.replace(b"Host: h", b"Host: h\r\nExpect: 100-continue"),
        BARE.replace(b"Host: h", b"Host: h\r\nUpgrade: h2c"),
        BARE.replace(b"Host: h", b"Host: h\r\nX: " + LONGEST * b"x"),
    ],
)
def test_whatever_is_unusual_does_not(data: bytes) -> None:
    assert scrape_in(data) is None


def answers(connection: socket.socket, count: int) -> list[tuple[bytes, bytes]]:
    """So many answers of one connection: head and body of each."""
    found: list[tuple[bytes, bytes]] = []
    data = b""
    connection.settimeout(10)
    while len(found) < count:
        more = connection.recv(1 << 20)
        assert more, f"closed after {len(found)} answers"
        data += more
        while (end := data.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"content-length: (\d+)", data[:end])
            assert length
            whole = end + 4 + int(length[1])
            if len(data) < whole:
                break
            found.append((data[:end], data[end + 4 : whole]))
            data = data[whole:]
    return found


def test_both_ways_answer_alike_in_turn_on_one_connection(demo: AgentProcess) -> None:
    long_way = PROMETHEUS.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")
    with socket.create_connection(("127.0.0.1", demo.port)) as connection:
        heads = []
        for request in (PROMETHEUS, long_way, PROMETHEUS, long_way):
            connection.sendall(request)
            ((head, body),) = answers(connection, 1)
            assert b"libvirt_domain_info" in gzip.decompress(body)
            heads.append({line.partition(b":")[0] for line in head.split(b"\r\n")})
    assert heads[0] == heads[1] == heads[2] == heads[3]


def test_requests_behind_one_another_are_answered_in_order(demo: AgentProcess) -> None:
    health = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    with socket.create_connection(("127.0.0.1", demo.port)) as connection:
        connection.sendall(BARE + health)
        connection.sendall(BARE)
        connection.sendall(health[:20])
        connection.sendall(health[20:] + PROMETHEUS)
        bodies = [body for _, body in answers(connection, 5)]
    assert [body == b"ok\n" for body in bodies] == [False, True, False, True, False]


def test_a_scrape_in_pieces_is_answered(demo: AgentProcess) -> None:
    with socket.create_connection(("127.0.0.1", demo.port)) as connection:
        connection.sendall(BARE[:9])
        connection.sendall(BARE[9:])
        ((head, _),) = answers(connection, 1)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")


def test_what_is_wrong_with_a_scrape_is_told(demo: AgentProcess) -> None:
    with socket.create_connection(("127.0.0.1", demo.port)) as connection:
        connection.sendall(BARE.replace(b"/metrics", b"/metrics?profile=other"))
        ((head, body),) = answers(connection, 1)
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"profile 'other' is unknown" in body


def test_a_client_that_takes_nothing_is_ended(demo: AgentProcess) -> None:
    """What it asks for meanwhile is not even made, or its answers would be memory of ours."""
    before = demo.metrics()["hostmon_pages_total"]
    asked, began = 0, time.monotonic()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", demo.port))
        connection.settimeout(10)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while time.monotonic() - began < 30:
                connection.sendall(BARE)
                asked += 1
                time.sleep(0.01)  # each in a packet of its own, as scrapes come
    assert time.monotonic() - began < 20
    assert demo.metrics()["hostmon_pages_total"] - before < asked / 3


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False), ("gzip", True), ("gzip;q=0", False), ("gzip; q=0.5", True), ("*", True),
        ("*;q=0, gzip", True), ("gzip;q=0, *", False), ("gzip;q=x", False), ("br, deflate", False),
    ],
)  # fmt: skip
def test_gzip_is_sent_where_it_may_be(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected
