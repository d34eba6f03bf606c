"""One connection after the other's rules: whatever is asked for in turn, and who takes nothing."""

import contextlib
import gzip
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.agent_process import AgentProcess, agent
from tests.unit.rooms import BARE, PROMETHEUS


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent(tmp_path_factory.mktemp("protocol")) as running:
        yield running


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
