"""The whole agent where libvirt is not installed, on a virt driver from outside the tree."""

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from hostmon.client import Endpoint, Subscriber
from hostmon.events import Event, LifecycleEvent
from tests.agent_process import AgentProcess, wait_for
from tests.contract.install import OUTSIDE, pip_install
from tests.contract.test_wheel import build_wheel, pip

EXTRA = "agent-without-libvirt"


def needed(lines: list[str], extra: str) -> set[str]:
    """The distributions that requirements name, and theirs; those with another extra are not."""
    found: set[str] = set()
    for line in lines:
        requirement, _, marker = line.partition(";")
        if "extra ==" in marker and f'"{extra}"' not in marker:
            continue
        name = re.split(r"[^A-Za-z0-9._-]", requirement.strip())[0]
        try:
            further = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # of another platform, says its marker
        found |= {name} | needed(further, "none of its own")
    return found


def requirements(wheel: Path) -> list[str]:
    """What a wheel says that it requires."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the agent, its extra without libvirt, and the outside distribution."""
    folder = tmp_path_factory.mktemp("without")
    wheel = build_wheel(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    program = folder / "venv" / "bin" / "python"
    pip(program, "install", "--no-index", "--no-deps", wheel)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for name in needed(requirements(wheel), EXTRA):
        assert "libvirt" not in name
        for file in distribution(name).files or ():
            target = packages / file
            if ".." not in file.parts and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(Path(str(file.locate())).resolve())
    pip_install(OUTSIDE, packages)
    return program


@contextmanager
def running(folder: Path, python: Path, config: str) -> Iterator[AgentProcess]:
    agent = AgentProcess(folder, config=config, program=(str(python), "-m", "hostmon"))
    try:
        agent.wait_until_ready()
        yield agent
    finally:
        agent.close()


def test_there_is_no_libvirt(python: Path) -> None:
    result = subprocess.run([python, "-c", "import libvirt"], capture_output=True, text=True)
    assert "No module named 'libvirt'" in result.stderr


def test_the_libvirt_driver_is_refused_in_one_line(python: Path, tmp_path: Path) -> None:
    config = tmp_path / "h.toml"
    config.write_text('[agent]\nuri = "qemu:///system"\n')
    result = subprocess.run(
        [python, "-m", "hostmon", "run", "--config", config],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    assert "agent.virt: driver 'libvirt' is refused: can't be imported" in result.stderr
    assert "Traceback" not in result.stderr


def lifecycle(subscriber: Subscriber, count: int) -> list[tuple[str, str | int]]:
    """The next events of guests' lives."""
    found: list[tuple[str, str | int]] = []

    def enough() -> bool:
        event: Event | None = subscriber.receive(0.1)
        if isinstance(event, LifecycleEvent):
            found.append((event.name, event.event))
        return len(found) >= count

    wait_for(enough)
    return found


def test_the_whole_agent_runs_on_a_driver_from_outside(python: Path, tmp_path: Path) -> None:
    guests = tmp_path / "guests"
    guests.mkdir()
    (guests / "first.json").write_text('{"vcpus": 2, "memory_mib": 96}')
    config = f'[agent]\nvirt = "folder"\n[virt.folder]\npath = "{guests}"\n'
    with running(tmp_path, python, config) as agent:
        maps = Path(f"/proc/{agent.process.pid}/maps").read_text()
        assert "libvirt" not in maps.replace("virt_libvirt", "").replace(str(python.parents[2]), "")
        endpoint = Endpoint(agent.events, agent.requests)
        with Subscriber(endpoint, view=True) as subscriber:
            wait_for(lambda: subscriber.receive(0.1) and subscriber.views[0].joined)
            (guest,) = subscriber.views[0].guests.values()
            assert (guest.name, guest.state, guest.vcpus) == ("first", "running", 2)
            (guests / "second.tmp").write_text('{"vcpus": 4, "memory_mib": 128}')
            (guests / "second.tmp").rename(guests / "second.json")
            (guests / "first.json").unlink()
            assert set(lifecycle(subscriber, 4)) == {
                ("second", "defined"), ("second", "started"),
                ("first", "stopped"), ("first", "undefined"),
            }  # fmt: skip
        status = agent.ask("status")
        assert (status["virt"], status["guests"], status["running"]) == ("folder", 1, 1)
        wait_for(lambda: agent.ask("status")["account"]["vcpus"]["total"] == 4)
        account = agent.ask("status")["account"]
        assert (account["vcpus"]["used"], account["vcpus"]["held"]) == (6, 2)  # a stop is settling
        assert (account["memory"]["used"], account["defined"]) == (224 << 20, 1)
        series = 'libvirt_domain_vcpu_time_seconds_total{domain="second",vcpu="3"}'
        wait_for(lambda: agent.metrics().get(series, 0) > 1)
        page = agent.metrics()
        assert page['libvirt_domain_info_virtual_cpus{domain="second"}'] == 4
        assert page["hostmon_connection_up"] == 1
        guests.rename(tmp_path / "elsewhere")
        wait_for(lambda: agent.metrics()["hostmon_connection_up"] == 0)
        (tmp_path / "elsewhere").rename(guests)
        wait_for(lambda: agent.metrics()["hostmon_connection_up"] == 1)
        assert agent.stop() == 0


def test_the_whole_agent_runs_on_the_fake_one(python: Path, tmp_path: Path) -> None:
    config = '[agent]\nvirt = "fake"\n[virt.fake]\nguests = 3\nchurn = 20.0\n'
    with running(tmp_path, python, config) as agent:
        wait_for(lambda: agent.ask("status")["guests"] == 3)
        listed = subprocess.run(
            [python, "-m", "hostmon", "guests", "--json", "--requests", agent.requests],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert len(json.loads(listed.stdout)) == 3 or '"fake-1"' in listed.stdout
        wait_for(lambda: agent.metrics().get('hostmon_events_total{kind="lifecycle"}', 0) > 20)
        assert agent.stop() == 0
