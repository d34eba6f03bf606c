"""A whole agent with keys, as an operator sets it up; and one that has few descriptors left."""

import errno
import json
import os
import resource
import socket
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from hostmon import keys
from hostmon.gate import FEWEST_DESCRIPTORS
from tests.agent_process import HOSTMON, AgentProcess, agent, free_port, hostmon, wait_for

TICKS = os.sysconf("SC_CLK_TCK")


def test_watch_and_status_over_tcp_with_keys(tmp_path: Path) -> None:
    keys.new_pair(tmp_path / "keys", "agent")
    public, secret = keys.new_pair(tmp_path / "own", "rack-7")
    keys.allow(tmp_path / "keys", "rack-7", public)
    events, requests = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
    config = (
        f'[bus]\nkeys = "{tmp_path}/keys"\nevents = ["ipc://{tmp_path}/events.sock", "{events}"]\n'
        f'requests = ["ipc://{tmp_path}/requests.sock", "{requests}"]\n'
    )
    with agent(tmp_path, bus=config) as running:
        reach = (
            "--requests", requests, "--key", str(secret),
            "--agent-key", str(tmp_path / "keys" / "agent.key"),
        )  # fmt: skip
        status = hostmon("status", "--json", *reach)
        assert json.loads(status.stdout)["gate"]["keys"] == 1, status.stderr
        watched = hostmon("watch", "--json", "--count", "3", "--events", events, *reach)
        assert len(watched.stdout.splitlines()) == 3, watched.stderr
        refused = hostmon("status", "--requests", requests)
        assert refused.returncode == 3
        assert "are these keys allowed there" in refused.stderr
        half = hostmon("status", "--requests", requests, "--key", str(secret))
        assert half.returncode == 2
        failed = 'hostmon_bus_failed_handshakes_total{socket="requests"}'
        wait_for(lambda: running.metrics()[failed] >= 1)
        metrics = running.metrics()
        # The in-tree driver follows the bus of its own host without any key.
        assert metrics['hostmon_driver_state{driver="prometheus",state="running"}'] == 1


def test_an_unsafe_secret_starts_nothing(tmp_path: Path) -> None:
    _, secret = keys.new_pair(tmp_path / "keys", "agent")
    secret.chmod(0o644)
    running = AgentProcess(tmp_path, "--demo", bus=f'[bus]\nkeys = "{tmp_path}/keys"\n')
    assert running.process.wait(20) == 2
    running.close()
    assert "lets others read it; chmod 600 it" in running.log.read_text()


def cpu(pid: int) -> float:
    """CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@pytest.mark.parametrize("name", ["events", "requests"])
def test_a_flood_while_descriptors_are_few(tmp_path: Path, name: str) -> None:
    with agent(tmp_path) as running, ExitStack() as held:
        pid = running.process.pid
        before = descriptors(pid)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (FEWEST_DESCRIPTORS, FEWEST_DESCRIPTORS))
        for _ in range(5000):
            peer = held.enter_context(socket.socket(socket.AF_UNIX))
            peer.settimeout(0.1)
            with suppress(OSError):
                connect(peer, f"{tmp_path}/{name}.sock")
        began = time.monotonic()
        assert running.fetch("readyz")[0] == 200
        assert time.monotonic() - began < 1
        wait_for(lambda: running.metrics()["hostmon_bus_crowded_out_peers_total"] > 0)
        # The flood holds what it has; the agent must not spin meanwhile.
        wait_for(lambda: running.metrics()[f'hostmon_bus_peers{{socket="{name}"}}'] <= 5)
        used, now = cpu(pid), time.monotonic()
        wait_for(lambda: time.monotonic() - now > 1)
        assert cpu(pid) - used < 0.5
        assert running.ask("status")["connection"] == "up"
        wait_for(lambda: descriptors(pid) <= before + 10)


def connect(peer: socket.socket, path: str) -> None:
    """Connect, however long the queue of others is."""
    wait_for(lambda: peer.connect_ex(path) != errno.EAGAIN)


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_too_few_descriptors_start_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limited = ["prlimit", "--nofile=64:64", *HOSTMON, "run", "--demo"]
    result = subprocess.run(limited, capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert "open files are limited to 64; allow 4096 at least" in result.stderr
    assert "Traceback" not in result.stderr
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)
