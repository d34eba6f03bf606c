"""The supervisor: each fault ends where it should, and the driver beside it goes on."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from hostmon import journal
from hostmon.errors import SettingsError
from hostmon.events import LifecycleEvent
from hostmon.journal import GapMark
from tests.agent_process import agent, wait_for
from tests.contract.conftest import Bench

PROCESS_FAULTS = {
    "start-raises": "start() raised KeyError: 'start'; it may raise DriverError",
    "handle-raises": "handle() raised ZeroDivisionError: handle; it may raise DriverError",
    "stop-raises": "handle() raised ValueError: handle",
    "blocks": "one call took longer than block_limit = 0.5 s; killed",
    "exits": "its process ended with code 3",
    "leaks-memory": "memory_limit_mib = 128; killed",
    "leaks-files": "files_limit = 64; killed",
    "wrong-return": "handle() returned dict {'handled': True}; declared is None",
    "wrong-addresses": "addresses() returned list ['a list']; declared is tuple[str, ...]",
    "spins": "one call took longer than block_limit = 0.5 s; killed",
}
LIMITS = {"block_limit": 0.5, "memory_limit_mib": 128, "files_limit": 64}
THREAD_FAULTS = ["start-raises", "handle-raises", "stop-raises", "wrong-return", "wrong-addresses"]


@pytest.mark.timeout(240)
def test_each_fault_in_a_process_ends_in_quarantine_and_nobody_else_loses_an_event(
    bench: Bench, faulty: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "journal"
    sections: dict[str, dict[str, object]] = {name: dict(LIMITS) for name in PROCESS_FAULTS}
    sections["journal"] = {"directory": str(directory)}
    bench.send(3)  # a journal may join the bus after the first events, however soon it starts
    bench.run("well", "journal", *PROCESS_FAULTS, sections=sections)
    bench.keep_sending()
    for name, detail in PROCESS_FAULTS.items():
        status = bench.reaches(name, "quarantined", 120)
        assert detail in status.detail, status
        assert (status.restarts, status.violations, status.pid) == (2, 3, 0), status
    well = bench.state("well")
    assert (well.state, well.restarts, well.errors) == ("running", 0, 0)
    assert well.handled > 10
    sent = bench.sent
    arrived = [bench.rig.receive_event().sequence for _ in range(sent)]
    assert arrived == list(range(arrived[0], arrived[0] + sent))
    lines = wait_for(lambda: journaled(directory, arrived[-1]))
    numbers = [line.sequence for line in lines if isinstance(line, LifecycleEvent)]
    since = [number for number in arrived if number >= numbers[0]]
    assert len(since) > sent // 2
    assert numbers[: len(since)] == since
    gaps = [(line.first, line.last) for line in lines if isinstance(line, GapMark)]
    assert gaps == [(1, numbers[0] - 1)]


def journaled(directory: Path, number: int) -> list[object]:
    """Every line of a journal, once it has the lifecycle event of this number."""
    lines: list[object] = [one for path in journal.files(directory) for one in journal.lines(path)]
    newest = max((one.sequence for one in lines if isinstance(one, LifecycleEvent)), default=0)
    return lines if newest >= number else []


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("faulty")
def test_an_agent_shows_the_state_of_each(tmp_path: Path) -> None:
    states = dict.fromkeys(PROCESS_FAULTS, "quarantined")
    states |= {"import-raises": "refused", "well": "running", "prometheus": "running"}
    lines = ["[agent]", 'virt = "fake"', f"drivers = {json.dumps(list(states))}"]
    # Five runs of who leaks a file an event: the demo has four events a second.
    lines += ["[virt.fake]", "guests = 20", "churn = 100.0"]
    for name in PROCESS_FAULTS:
        lines += [f"[drivers.{name}]", *(f"{key} = {value}" for key, value in LIMITS.items())]
    with agent(tmp_path, (), config="\n".join(lines)) as running:

        def shown() -> bool:
            drivers = {one["name"]: one["state"] for one in running.ask("drivers")}
            assert drivers["path.like:Name"] == "refused", "installed, though it can't be named"
            return {name: drivers[name] for name in states} == states

        wait_for(shown, 200)
        metrics = running.metrics()
        listed = {one["name"]: one for one in running.ask("drivers")}
    for name, state in states.items():
        why = listed[name].get("detail") or listed[name]["refusal"]
        print(f"hostmon drivers: {name} {listed[name]['state']} {why}".rstrip())
        assert metrics[f'hostmon_driver_state{{driver="{name}",state="{state}"}}'] == 1.0


@pytest.mark.parametrize("name", THREAD_FAULTS)
def test_each_fault_in_a_thread_ends_in_quarantine(bench: Bench, faulty: Path, name: str) -> None:
    thread = {"isolation": "thread"}
    bench.run("well", name, sections={"well": thread, name: thread})
    bench.keep_sending()
    status = bench.reaches(name, "quarantined")
    assert PROCESS_FAULTS[name] in status.detail
    assert bench.state("well").state == "running"


@pytest.mark.parametrize("isolation", ["thread", "process"])
def test_a_driver_that_needs_no_events_gets_none(
    bench: Bench, faulty: Path, isolation: str
) -> None:
    bench.run("well", "needs-none", sections={"needs-none": {"isolation": isolation}})
    bench.keep_sending()
    wait_for(lambda: bench.state("well").handled > 3)
    status = bench.state("needs-none")
    assert (status.state, status.handled, status.restarts) == ("running", 0, 0)


def test_a_thread_that_blocks_is_told(bench: Bench, faulty: Path) -> None:
    bench.run("blocks", sections={"blocks": {"isolation": "thread", "block_limit": 0.2}})
    bench.keep_sending()
    assert bench.reaches("blocks", "blocked").detail.startswith("one call has taken")


def test_declared_errors_are_counted_and_nothing_else(bench: Bench, faulty: Path) -> None:
    bench.run("complains")
    bench.keep_sending()
    wait_for(lambda: bench.state("complains").errors >= 5)
    status = bench.state("complains")
    assert (status.state, status.handled, status.violations) == ("running", 0, 0)


def test_a_process_that_is_killed_starts_again(bench: Bench, faulty: Path) -> None:
    bench.run("well")
    first = bench.state("well").pid
    assert first != os.getpid()
    os.kill(first, 9)
    wait_for(lambda: bench.state("well").restarts == 1 and bench.state("well").state == "running")
    assert bench.state("well").pid not in {0, first}


def test_a_refused_driver_is_alone_unless_it_is_required(bench: Bench, faulty: Path) -> None:
    bench.run("noop", "import-raises")
    assert bench.state("noop").state == "running"
    refused = bench.state("import-raises")
    assert (refused.state, refused.isolation) == ("refused", "")
    assert "no import of this" in refused.detail
    with pytest.raises(SettingsError, match=r"'import-raises' is refused: .*; it is required"):
        bench.run("import-raises", sections={"import-raises": {"required": True}})


def test_a_required_driver_that_fails_to_start_is_fatal(bench: Bench, faulty: Path) -> None:
    with pytest.raises(SettingsError, match=r"start\(\) raised KeyError.*; it is required"):
        bench.run("start-raises", sections={"start-raises": {"required": True}})


@pytest.mark.parametrize(
    ("name", "section", "text"),
    [
        ("typed", {"size": "x"}, "drivers.typed: size = 'x': expected int, got str"),
        ("well", {"block_limit": 0}, "block_limit = 0.0: give 0.1 to 3600"),
        ("acts", {}, "drivers.acts.user is missing"),
        ("well", {"user": "nobody-of-that-name"}, "can't be started as nobody-of-that-name"),
    ],
)
def test_a_wrong_section_keeps_the_agent_from_starting(
    bench: Bench, faulty: Path, name: str, section: dict[str, object], text: str
) -> None:
    with pytest.raises(SettingsError, match=text):
        bench.run(name, sections={name: section})


def test_an_acting_driver_runs_as_the_user_named(bench: Bench, faulty: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root starts processes as another user")
    reach = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "test", "-x"]
    if subprocess.run([*reach, sys.executable], check=False).returncode:
        pytest.skip(f"nobody may not run {sys.executable}: a folder above it is closed")
    Path(bench.rig.address.removeprefix("ipc://")).chmod(0o777)
    for part in [faulty, *faulty.parents]:
        if part.stat().st_uid == 0 and part != Path("/"):
            part.chmod(part.stat().st_mode | 0o055)
    bench.run("acts", sections={"acts": {"user": "nobody"}})
    assert bench.reaches("acts", "running").isolation == "process"
    status = Path(f"/proc/{bench.state('acts').pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    nobody = pwd.getpwnam("nobody")
    assert fields["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert fields["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert fields["Groups"].split() == []


def test_reload_leaves_alone_what_has_not_changed(bench: Bench, faulty: Path) -> None:
    supervisor = bench.run("well", "noop", "handle-raises")
    bench.keep_sending()
    kept, changed = bench.state("well").pid, "noop"
    bench.reaches("handle-raises", "quarantined")
    supervisor.reload(
        bench.settings("well", changed, "complains", sections={"noop": {"isolation": "process"}})
    )
    assert {status.name for status in supervisor.status()} == {"well", "noop", "complains"}
    bench.reaches("complains", "running")
    assert bench.state("well").pid == kept
    assert bench.reaches(changed, "running").isolation == "process"
    with pytest.raises(SettingsError, match="not installed"):
        supervisor.reload(bench.settings("wel"))
    assert bench.state("well").pid == kept


def test_reload_gives_a_quarantined_driver_another_chance(bench: Bench, faulty: Path) -> None:
    supervisor = bench.run("handle-raises")
    bench.keep_sending()
    bench.reaches("handle-raises", "quarantined")
    supervisor.reload(bench.settings("handle-raises"))
    assert bench.state("handle-raises").state != "quarantined"
    bench.reaches("handle-raises", "quarantined")


def test_a_supervision_that_fails_is_told_and_tried_again(
    bench: Bench, faulty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no more of this")

    monkeypatch.setattr("hostmon.supervisor.process.DriverProcess.run", fail)
    bench.run("well")
    status = bench.reaches("well", "quarantined")
    assert status.detail == "its supervision failed: RuntimeError('no more of this')"
    assert (status.restarts, status.violations) == (2, 0)
