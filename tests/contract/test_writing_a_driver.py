"""docs/writing-a-driver.md, followed to the letter: built, installed, run by an agent, tested."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hostmon.kinds import CLASS_OF
from tests.agent_process import AgentProcess, agent, hostmon, wait_for
from tests.contract.install import OUTSIDE, pip_install

TEXT = (Path(__file__).parents[2] / "docs" / "writing-a-driver.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tutorial's driver, written down and installed."""
    source = tmp_path / "starts"
    (source / "hostmon_starts").mkdir(parents=True)
    (source / "hostmon_starts" / "__init__.py").write_text(blocks("python")[0])
    (source / "pyproject.toml").write_text(blocks("toml")[0])
    site = pip_install(source, tmp_path / "site")
    monkeypatch.setenv("PYTHONPATH", str(site))
    return site


def test_it_works(starts: Path, tmp_path: Path) -> None:
    assert "path = None" in hostmon("drivers", "show", "starts").stdout
    kept = tmp_path / "starts.json"
    config = blocks("toml")[1].replace("/tmp/starts.json", str(kept))
    with agent(tmp_path, config=config) as running:
        wait_for(lambda: kept.exists() and kept.read_text().endswith("}"), 60)
        shown = {driver["name"]: driver for driver in running.ask("drivers")}["starts"]
        assert (shown["state"], shown["isolation"]) == ("running", "process")


def test_its_contract_suite_passes(starts: Path, tmp_path: Path) -> None:
    suite = tmp_path / "test_starts.py"
    suite.write_text(blocks("python")[1])
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


def configure(running: AgentProcess, drivers: str) -> None:
    """Write the configuration anew, and have the agent follow it."""
    head = running.config.read_text().partition("[agent]")[0]
    running.config.write_text(f"{head}[agent]\n{drivers}")
    running.process.send_signal(signal.SIGHUP)


def state_of(running: AgentProcess, name: str) -> tuple[str, str, int]:
    """State, isolation, and events handled, as the agent tells them."""
    for driver in running.ask("status")["drivers"]:
        if driver["name"] == name:
            return driver["state"], driver["isolation"], driver["handled"]
    return "absent", "", 0


def test_a_driver_comes_and_goes_while_the_agent_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(site))
    out = tmp_path / "out"
    journal = f'[drivers.journal]\ndirectory = "{tmp_path}/journal"\n'
    plain = f'drivers = ["prometheus", "journal"]\n{journal}'
    both = f'drivers = ["prometheus", "journal", "outside"]\n{journal}'
    with agent(tmp_path, config=f"[agent]\n{plain}") as running:
        pip_install(OUTSIDE, site)
        configure(running, f'{both}[drivers.outside]\npath = "{out}"\n')
        wait_for(lambda: state_of(running, "outside")[2] > 3)
        print("installed and named:", *state_of(running, "outside"), "events")
        assert state_of(running, "outside")[:2] == ("running", "process")
        configure(running, 'drivers = ["prometheus", "jurnal"]')
        wait_for(lambda: "did you mean journal?" in running.log.read_text())
        assert state_of(running, "outside")[0] == "running"
        configure(running, plain)
        wait_for(lambda: state_of(running, "outside")[0] == "absent")
        print("taken out again:", state_of(running, "outside")[0])
        assert state_of(running, "journal")[0] == "running"
        assert 'hostmon_driver_state{driver="journal",state="running"}' in running.metrics()
        assert running.stop() == 0
    lines = [json.loads(line) for path in sorted((tmp_path / "journal").iterdir())
             for line in path.read_text().splitlines()]  # fmt: skip
    numbers = [line["sequence"] for line in lines if CLASS_OF.get(line["kind"]) == "lifecycle"]
    assert numbers == list(range(1, len(numbers) + 1)), "reloading lost the journal an event"
    # What the host told before the journal had joined is marked as a gap from its first number.
    assert not [line for line in lines if line["kind"] == "gap" and line["first"] > 1]
    assert out.read_text().startswith(("lifecycle", "connection"))


def test_no_driver_outlives_an_agent_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pip_install(OUTSIDE, tmp_path / "site")))
    config = (
        '[agent]\ndrivers = ["prometheus", "outside"]\n'
        f'[drivers.outside]\npath = "{tmp_path}/out"\n[log]\nformat = "json"\n'
    )
    with agent(tmp_path, config=config) as running:
        wait_for(lambda: state_of(running, "outside")[0] == "running")
        driver = next(d for d in running.ask("status")["drivers"] if d["name"] == "outside")
        process = Path(f"/proc/{driver['pid']}/cmdline")
        assert b"hostmon.supervisor" in process.read_bytes()
        running.process.kill()
        wait_for(lambda: not process.exists() or not process.read_bytes())


def test_a_driver_from_outside_runs_in_a_thread_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pip_install(OUTSIDE, tmp_path / "site")))
    config = (
        '[agent]\ndrivers = ["prometheus", "outside"]\n'
        f'[drivers.outside]\nisolation = "thread"\npath = "{tmp_path}/out"\n'
    )
    with agent(tmp_path, config=config) as running:
        wait_for(lambda: state_of(running, "outside")[2] > 3)
        print("installed and named:", *state_of(running, "outside"), "events")
        assert state_of(running, "outside")[:2] == ("running", "thread")
