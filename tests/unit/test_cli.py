"""The commands as a person runs them: against a real agent, and with wrong input."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import hostmon as package
from hostmon import kinds
from hostmon.cli.completion import words
from hostmon.cli.run import LOOK_EVERY
from tests.agent_process import HOSTMON, AgentProcess, agent, hostmon, wait_for


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent(tmp_path_factory.mktemp("demo")) as running:
        yield running


def test_version() -> None:
    assert hostmon("--version").stdout == f"hostmon {package.__version__}\n"


@pytest.mark.parametrize("command", words())
def test_help_has_examples(command: str) -> None:
    result = hostmon(command, "--help")
    assert result.returncode == 0
    assert "examples:" in result.stdout


def test_demo_shows_its_guests(demo: AgentProcess) -> None:
    status = demo.ask("status")
    assert (status["guests"], status["connection"], status["uri"]) == (20, "up", "test:///default")
    assert status["web_addresses"] == [f"http://127.0.0.1:{demo.port}/"]
    guests = demo.ask("guests")
    assert {guest["name"] for guest in guests} >= {"web-1", "mail-4"}
    assert {guest["state"] for guest in guests} <= {"running", "paused", "shutoff"}
    text = hostmon("guests", "--requests", demo.requests).stdout
    assert len(text.splitlines()) == 21
    assert "connection" not in text
    page = hostmon("status", "--requests", demo.requests).stdout
    assert "20, " in page
    assert "prometheus running" in page


def test_watch_prints_what_happens(demo: AgentProcess) -> None:
    result = hostmon("watch", "--json", "--events", demo.events, "--count", "5")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(events) == 5
    numbers = [
        e["sequence"] for e in events if e["kind"] in {*kinds.DOMAIN_KINDS.values(), "facts"}
    ]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {"kind", "name", "uuid", "host", "time_ns", "previous"} <= set(events[0])
    text = hostmon("watch", "--events", demo.events, "--count", "2").stdout
    assert len(text.splitlines()) == 2
    assert "lifecycle" in text


def test_watch_one_guest(tmp_path: Path) -> None:
    config = '[agent]\nvirt = "fake"\n[virt.fake]\nguests = 5\nchurn = 20.0\n'
    with agent(tmp_path, (), config=config) as running:
        watch = ("watch", "--json", "--events", running.events, "--requests", running.requests)
        first = hostmon(*watch, "--kind", "lifecycle", "--count", "1")
        name = json.loads(first.stdout)["name"]
        result = hostmon(*watch, "--guest", name, "--kind", "lifecycle", "--count", "3")
    assert [json.loads(line)["name"] for line in result.stdout.splitlines()] == [name] * 3


def test_watch_ends_quietly_on_interrupt_and_when_its_reader_leaves(demo: AgentProcess) -> None:
    for end in ("interrupt", "close"):
        watch = subprocess.Popen(
            [*HOSTMON, "watch", "--events", demo.events],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert watch.stdout is not None
        assert watch.stderr is not None
        assert watch.stdout.readline()
        if end == "interrupt":
            watch.send_signal(signal.SIGINT)
        watch.stdout.close()
        assert watch.wait(20) == 0
        assert watch.stderr.read() == b""
        watch.stderr.close()


def test_drivers_lists_what_is_installed_and_what_runs(demo: AgentProcess) -> None:
    listed = {(driver["point"], driver["name"]): driver for driver in demo.ask("drivers")}
    assert listed["drivers", "prometheus"]["state"] == "running"
    assert listed["vif", "generic"]["state"] == "installed"
    both = hostmon("drivers", "show", "noop", "--requests", demo.requests).stdout
    assert "[drivers.noop]" in both
    assert "[firewall.noop]" in both
    shown = hostmon("drivers", "show", "prometheus", "--requests", demo.requests)
    assert "listen = '127.0.0.1:9177'" in shown.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_agent_cleanly(tmp_path: Path, name: str) -> None:
    with agent(tmp_path) as running:
        began = time.monotonic()
        running.process.send_signal(signal.Signals[name])
        assert running.process.wait(10) == 0
        assert time.monotonic() - began < 2
        assert not (tmp_path / "events.sock").exists()
        assert f"{name}: stopping" in running.log.read_text()


def test_an_agent_that_was_stopped_for_long_goes_on(tmp_path: Path) -> None:
    with agent(tmp_path) as running:
        stopped = time.monotonic()
        running.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: time.monotonic() - stopped > 1.5 * LOOK_EVERY)
        running.process.send_signal(signal.SIGCONT)
        wait_for(lambda: running.fetch("readyz")[0] == 200)
        # The wait that was interrupted would have ended the process by now.
        with pytest.raises(subprocess.TimeoutExpired):
            running.process.wait(2 * LOOK_EVERY)
        assert running.stop() == 0


def test_wrong_usage_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[agent]\nuri = 'nonsense'")
    for arguments, text in (
        (["run", "--uri", "x"], "write a libvirt URI"),
        (["run", "--uri", "test:///default", "--demo"], "give one of them"),
        (["run", "--config", str(bad)], "write a libvirt URI"),
        (["config", "check", str(bad)], "write a libvirt URI"),
        (["watch", "--kind", "lifecycel"], "did you mean lifecycle?"),
        (["watch", "--events", "nowhere"], "write ipc:///PATH"),
        (["drivers", "show", "prometeus"], "did you mean prometheus?"),
    ):
        result = hostmon(*arguments)
        assert result.returncode == 2, arguments
        assert text in result.stderr
        assert result.stderr.count("\n") == 1
        assert "Traceback" not in result.stderr


def test_no_agent_is_exit_code_3(tmp_path: Path) -> None:
    result = hostmon("status", "--requests", f"ipc://{tmp_path}/none.sock")
    assert result.returncode == 3
    assert "no agent" in result.stderr


def test_an_occupied_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = tmp_path / "hostmon.toml"
        port = taken.getsockname()[1]
        config.write_text(
            f'[bus]\nevents = ["ipc://{tmp_path}/e"]\nrequests = "ipc://{tmp_path}/r"\n'
            f'[drivers.prometheus]\nlisten = "127.0.0.1:{port}"'
        )
        result = hostmon("run", "--demo", "--config", str(config))
    assert result.returncode == 2
    assert f"127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "e").exists()


def test_an_occupied_socket_is_left_to_its_owner(demo: AgentProcess) -> None:
    result = hostmon("run", "--demo", "--config", str(demo.config))
    assert result.returncode == 2
    assert "another process listens there" in result.stderr
    assert demo.ask("status")["guests"] == 20


def test_a_dead_agents_sockets_are_taken_over(tmp_path: Path) -> None:
    with agent(tmp_path) as first:
        first.process.kill()
        first.process.wait()
        assert (tmp_path / "events.sock").exists()
    with agent(tmp_path) as second:
        assert second.ask("status")["guests"] == 20


def test_config_show_is_a_configuration(tmp_path: Path) -> None:
    shown = tmp_path / "shown.toml"
    shown.write_text(hostmon("config", "show").stdout)
    result = hostmon("config", "check", str(shown))
    assert result.stdout == f"{shown}: good\n", result.stderr


def test_log_as_json(tmp_path: Path) -> None:
    with agent(tmp_path, config='[log]\nformat = "json"\n') as running:
        wait_for(lambda: "connected to" in running.log.read_text())
        lines = [json.loads(line) for line in running.log.read_text().splitlines()]
    assert {"time", "level", "logger", "message"} == set(lines[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"], ["guests"], ["drivers"], ["drivers", "show"], ["guest", "show", "x"],
        ["guest", "diff", "x"], ["plug", "x", "vif", "bridge"], ["unplug", "x", "volume", "file"],
        ["xml", "check", "/nonexistent"], ["journal"], ["config", "check"], ["config", "show"],
        ["verify", "http://127.0.0.1:1/"], ["keys", "show"], ["keys", "allow"], ["schedule"],
        ["completion", "bash"], ["watch", "--count", "none"], ["verify", "x", "--settle", "soon"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_command_with_defaults_alone_ends_in_a_line_at_worst(arguments: list[str]) -> None:
    result = hostmon(*arguments)
    assert result.returncode in {0, 1, 2, 3}
    assert "Traceback" not in result.stderr
    assert result.returncode == 0 or result.stderr.splitlines()[-1].startswith("hostmon")
