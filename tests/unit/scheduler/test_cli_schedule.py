"""``hostmon schedule`` as a person runs it: against a real agent, and with wrong input."""

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostmon.client import Endpoint, ask
from hostmon.status import ClaimWanted, Request
from tests.agent_process import HOSTMON, AgentProcess, agent, hostmon, wait_for

GUEST = str(uuid.uuid4())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    config = '[agent]\nhost = "demo"\n[account]\nvcpu_ratio = 50.0\nmemory_ratio = 50.0\n'
    config += "claim_grace = 0\n"
    with agent(tmp_path_factory.mktemp("demo"), config=config) as running:
        wait_for(lambda: running.ask("status")["account"]["vcpus"]["total"])
        yield running


def schedule(demo: AgentProcess, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return hostmon("schedule", "--endpoint", demo.events, demo.requests, *arguments)


def test_one_request_by_options(demo: AgentProcess) -> None:
    granted = demo.ask("status")["claims"]["granted"]
    result = schedule(demo, "--vcpus", "1", "--memory", "1M", "--name", "web-1", "--ttl", "30")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("web-1  demo  claim ")
    claims = demo.ask("status")["claims"]
    assert (claims["granted"], claims["outstanding"] > 0) == (granted + 1, True)
    page = hostmon("status", "--requests", demo.requests).stdout
    assert " claimed, " in page
    assert f"{granted + 1} granted" in page
    assert demo.metrics()['hostmon_claims_total{state="granted"}'] == granted + 1
    assert demo.metrics()["hostmon_host_vcpus_claimed"] >= 1


def test_requests_by_lines_and_placements_as_json(demo: AgentProcess, tmp_path: Path) -> None:
    requests = tmp_path / "requests.jsonl"
    lines = [{"vcpus": 1, "uuid": GUEST}, {"vcpus": 100_000, "name": "giant"}]
    requests.write_text("\n\n".join(json.dumps(line) for line in lines) + "\n")
    result = schedule(demo, str(requests), "--json", "--weigher", "vcpus=-1", "--filter", "vcpus")
    assert result.returncode == 1
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["host"], first["request"]["uuid"]) == ("demo", GUEST)
    assert str(uuid.UUID(first["claim"])) == first["claim"]
    assert (second["host"], second["reason"]) == ("", "none of 1 hosts: vcpus 1")


def test_standard_input_is_placed_as_it_comes(demo: AgentProcess) -> None:
    command = [*HOSTMON, "schedule", "-", "--json", "--endpoint", demo.events, demo.requests]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(2):
            process.stdin.write('{"vcpus": 1}\n')
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["host"] == "demo"
        _, errors = process.communicate('{"vcpus": "two"}\n', timeout=20)
    assert process.returncode == 2
    assert errors == ("hostmon: standard input: line 3: Expected `int`, got `str` - at `$.vcpus`\n")


@contextmanager
def following(demo: AgentProcess) -> "Iterator[subprocess.Popen[str]]":
    """`hostmon schedule -` that has placed a request, and waits for the next."""
    command = [*HOSTMON, "schedule", "-", "--json", "--endpoint", demo.events, demo.requests]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write('{"vcpus": 1}\n')
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["host"] == "demo"
            yield process
        finally:
            process.kill()


def test_an_interrupt_ends_it_while_more_could_come(demo: AgentProcess) -> None:
    with following(demo) as process:
        assert process.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_who_reads_no_more_placements_ends_it_while_more_could_come(demo: AgentProcess) -> None:
    with following(demo) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write('{"vcpus": 1}\n')
        process.stdin.flush()
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_closed_or_endless_input_is_one_line(demo: AgentProcess) -> None:
    arguments = [*HOSTMON, "schedule", "-", "--endpoint", demo.events, demo.requests]
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *arguments], capture_output=True, text=True, timeout=20
    )
    assert closed.returncode == 2
    assert closed.stderr == (
        "hostmon: standard input: it is closed; give requests there, or a file\n"
    )
    endless = subprocess.run(
        arguments, input=" " * (3 << 20), capture_output=True, text=True, timeout=20
    )
    assert endless.returncode == 2
    assert endless.stderr == (
        "hostmon: standard input: a line of more than 1048576 bytes; end it\n"
    )


def test_the_last_line_needs_no_end(demo: AgentProcess) -> None:
    arguments = [*HOSTMON, "schedule", "-", "--json", "--endpoint", demo.events, demo.requests]
    result = subprocess.run(
        arguments, input='{"vcpus": 1}\n\n{"vcpus": 1}', capture_output=True, text=True, timeout=20
    )
    assert [json.loads(line)["host"] for line in result.stdout.splitlines()] == ["demo"] * 2
    assert (result.returncode, result.stderr) == (0, "")


def test_who_lives_on_claims_again_of_an_agent_that_was_killed(tmp_path: Path) -> None:
    """And meanwhile nobody else is granted anything."""
    config = '[agent]\nhost = "mortal"\n[account]\nvcpu_ratio = 50.0\nmemory_ratio = 50.0\n'
    config += "claim_grace = 60\n"
    with agent(tmp_path, config=config.replace("60", "0")) as first:
        wait_for(lambda: first.ask("status")["account"]["vcpus"]["total"])
        command = [*HOSTMON, "schedule", "-", "--json", "--ttl", "600"]
        command += ["--endpoint", first.events, first.requests]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write('{"vcpus": 3}\n')
            process.stdin.flush()
            claim = json.loads(process.stdout.readline())["claim"]
            assert claim
            first.process.kill()
            first.process.wait(10)
            with agent(tmp_path, config=config) as second:
                wait_for(lambda: second.ask("status")["claims"]["granted"] == 1)
                assert second.ask("status")["account"]["vcpus"]["claimed"] == 3
                other = schedule(second, "--vcpus", "1", "--json")
                assert json.loads(other.stdout)["refused"][0]["resource"] == "unready"
                endpoint = Endpoint(second.events, second.requests)
                released = ask(endpoint, Request(ask="release", claim=ClaimWanted(id=claim)))
                assert released.state == "released"  # type: ignore[union-attr]
            process.stdin.close()
            assert process.wait(20) == 0


def test_hosts_of_the_configuration(demo: AgentProcess, tmp_path: Path) -> None:
    config = tmp_path / "h.toml"
    config.write_text(
        f'[scheduler.hosts.demo]\nevents = "{demo.events}"\nrequests = "{demo.requests}"\n'
        f'[scheduler.hosts.away]\nevents = "ipc://{tmp_path}/e"\nrequests = "ipc://{tmp_path}/r"\n'
        "[scheduler.weighers]\nmemory = -2.0\n"
    )
    assert hostmon("config", "check", str(config)).returncode == 0
    result = hostmon("schedule", "--vcpus", "1", "--config", str(config), "--wait", "0.5")
    assert result.returncode == 0, result.stderr
    assert "  demo  claim " in result.stdout
    assert f"ipc://{tmp_path}/e: no agent answers; going on without" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "no hosts; give --endpoint"),
        (("--endpoint", "ipc:///none", "ftp://x"), 2, "address 'ftp://x'"),
        (("HERE",), 2, "nothing to place"),
        (("HERE", "/none/such"), 2, "/none/such: No such file"),
        (("HERE", "/none/such", "--trait", "X"), 2, "FILE and --trait: give one of them"),
        (("HERE", "--vcpus", "0"), 2, "Expected `int` >= 1 - at `$.vcpus`"),
        (("HERE", "--vcpus", "4G"), 2, "--vcpus '4G': give a whole number, such as 4"),
        (("HERE", "--memory", "-1"), 2, "--memory"),
        (("HERE", "--memory", "8Q"), 2, "--memory '8Q': give a whole number, such as 8G"),
        (("HERE", "--vcpus", "1", "--uuid", "web"), 2, "uuid 'web': give a UUID"),
        (("HERE", "--vcpus", "1", "--filter", "vcpu"), 2, "did you mean vcpus?"),
        (("HERE", "--vcpus", "1", "--weigher", "vcpus=x"), 2, "give NAME=NUMBER"),
        (("HERE", "--vcpus", "1", "--weigher", "vcpus=nan"), 2, "give NAME=NUMBER"),
        (("HERE", "--vcpus", "1", "--weigher", "vcpus=-inf"), 2, "give NAME=NUMBER"),
        (("HERE", "--vcpus", "1", "--ttl", "0"), 2, "ttl = 0.0: give 1 to 3600"),
        (("HERE", "--vcpus", "1", "--wait", "0.1"), 3, "none of 1 agents answered within 0.1 s"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    here = ("--endpoint", f"ipc://{tmp_path}/e", f"ipc://{tmp_path}/r")
    given = [word for one in arguments for word in (here if one == "HERE" else (one,))]
    result = hostmon("schedule", *given)
    assert result.returncode == code, result.stderr
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1 or result.stderr.startswith("usage:")


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ("ttl = 0", "ttl = 0.0: give 1 to 3600"),
        ('filters = ["cpus"]', "hostmon.filters: 'cpus' is not installed"),
        ("colour = 1", "colour: unknown key"),
        ('[scheduler.hosts.a]\nevents = "x"\nrequests = "y"', "events = 'x'"),
        (
            '[scheduler.hosts.a]\nevents = "ipc:///x"\nrequests = "ipc:///y"\nagent_key = "k"',
            "give the scheduler's own key too",
        ),
    ],
)
def test_a_wrong_section_is_told_by_config_check(section: str, says: str, tmp_path: Path) -> None:
    config = tmp_path / "h.toml"
    config.write_text(f"[scheduler]\n{section}\n")
    result = hostmon("config", "check", str(config))
    assert result.returncode == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_it_runs_where_neither_libvirt_nor_a_driver_can_be_imported() -> None:
    blocked = ("libvirt", "lxml", "prometheus_client", "starlette", "hostmon_drivers")
    code = (
        f"import sys\nfor name in {blocked}: sys.modules[name] = None\n"
        "import hostmon.scheduler, hostmon.cli.schedule\n"
        "assert 'stevedore' not in sys.modules\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
