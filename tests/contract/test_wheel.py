"""The wheel without its agent extra, in an empty environment: neither libvirt nor a compiler."""

import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest

import hostmon
from tests.agent_process import AgentProcess, agent

ROOT = Path(__file__).resolve().parents[2]
EMPTY = {"PATH": "/nonexistent", "LC_ALL": "C.UTF-8"}

CLIENT = """
import sys, time
from hostmon.client import Endpoint, Subscriber, status

endpoint = Endpoint(*sys.argv[1:])
with Subscriber(endpoint, view=True) as subscriber:
    end = time.monotonic() + 10
    while not subscriber.views[0].joined and time.monotonic() < end:
        subscriber.receive(0.1)
    print(len(subscriber.views[0].guests), status(endpoint).connection)
with Subscriber(endpoint) as subscriber:
    print(subscriber.receive(10).host)
loaded = [name for name in sys.modules if name.startswith(("hostmon._", "libvirt"))]
mapped = [line for line in open("/proc/self/maps") if "libvirt" in line]
assert not loaded and not mapped, (loaded, mapped)
"""

SCHEDULER = """
import sys
from hostmon.client import Endpoint
from hostmon.scheduler import PlacementRequest, Scheduler
from hostmon.scheduler.filters import DiskFilter
from hostmon.scheduler.weighers import VcpusWeigher

weighers = {"vcpus": (VcpusWeigher(), 1.0)}
with Scheduler([Endpoint(*sys.argv[1:])], {"disk": DiskFilter()}, weighers) as scheduler:
    scheduler.join(10)
    giant = scheduler.place(PlacementRequest(disk=1 << 59))
    print(giant.reason)
    print(len(scheduler.place(PlacementRequest(vcpus=100_000)).refused))
"""


def build_wheel(folder: Path) -> Path:
    """A wheel of this checkout, out of the extensions as they are built already."""
    library = folder / "lib"
    (library / "hostmon").mkdir(parents=True)
    for source in (ROOT / "ext").glob("*.pyx"):
        for path in (ROOT / "hostmon").glob(f"_{source.stem}.*.so"):
            subprocess.run(["cp", "-p", path, library / "hostmon"], check=True)
    subprocess.run(
        [
            sys.executable, "-W", "ignore", "setup.py", "-q", "egg_info", "--egg-base", folder,
            "build", "--build-base", folder / "build", "--build-lib", library,
            "bdist_wheel", "--dist-dir", folder / "dist", "--bdist-dir", folder / "bdist",
        ],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def required(wheel: Path) -> list[str]:
    """The distributions that a wheel needs without any extra."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])
    return [line.partition(">")[0].strip() for line in lines if "extra ==" not in line]


def pip(python: Path, *arguments: str | Path) -> None:
    """pip of this environment, acting on another."""
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "-q",
         *arguments],
        check=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """The programs of an environment that holds the wheel, and what it requires, and no more."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    pip(programs / "python", "install", "--no-index", "--no-deps", wheel)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    # As this environment has them: the test needs no network.
    for name in required(wheel):
        for file in distribution(name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                target = packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(Path(str(file.locate())).read_bytes())
    pip(programs / "python", "check")
    return programs


def run(program: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command where nothing else is found."""
    return subprocess.run(
        [program, *arguments], env=EMPTY, capture_output=True, text=True, timeout=60, cwd="/"
    )


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent to subscribe to."""
    with agent(tmp_path_factory.mktemp("agent")) as running:
        yield running


def test_the_wheel_holds_what_is_used_and_no_more(wheel: Path) -> None:
    """Each extension of ext/ and nothing of tests or benches."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hostmon", "hostmon_drivers"}
    extensions = {f"_{path.stem}" for path in (ROOT / "ext").glob("*.pyx")}
    for ending in (".so", ".pyi"):
        found = {Path(name).name.partition(".")[0] for name in names if name.endswith(ending)}
        assert found == extensions, ending


def test_the_source_distribution_holds_what_a_build_takes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-W", "ignore", "setup.py", "-q", "egg_info", "--egg-base", tmp_path,
         "sdist", "--dist-dir", tmp_path],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}
    sources = {
        str(file.relative_to(ROOT))
        for top in ("ext", "hostmon", "drivers")
        for file in (ROOT / top).rglob("*")
        if file.suffix in (".py", ".pyi", ".pyx", ".pxd", ".pxi", ".typed")
    }
    assert {"setup.py", "pyproject.toml", "README.md", "LICENSE", *sources} <= found
    assert len(sources) > 300


def test_the_version_is_told_at_once(bare: Path) -> None:
    fastest = 10.0
    for _ in range(5):
        began = time.monotonic()
        result = run(bare / "hostmon", "--version")
        fastest = min(fastest, time.monotonic() - began)
        assert result.stdout == f"hostmon {hostmon.__version__}\n", result.stderr
    assert fastest < 0.3


def test_the_client_runs(bare: Path, live: AgentProcess) -> None:
    result = run(bare / "python", "-c", CLIENT, live.events, live.requests)
    assert result.returncode == 0, result.stderr
    guests, host = result.stdout.splitlines()
    assert guests == "20 up"
    assert host


def test_the_commands_of_a_client_run(bare: Path, live: AgentProcess) -> None:
    watched = run(
        bare / "hostmon", "watch", "--json", "--count", "2",
        "--events", live.events, "--requests", live.requests,
    )  # fmt: skip
    assert len(watched.stdout.splitlines()) == 2, watched.stderr
    listed = run(bare / "hostmon", "guests", "--json", "--requests", live.requests)
    assert listed.stdout.count('"uuid"') == 20, listed.stderr


def test_the_scheduler_runs_and_wants_stevedore_for_names_alone(
    bare: Path, live: AgentProcess
) -> None:
    result = run(bare / "python", "-c", SCHEDULER, live.events, live.requests)
    assert result.stdout.splitlines() == ["none of 1 hosts: disk 1", "1"], result.stderr
    command = run(
        bare / "hostmon", "schedule", "--vcpus", "1", "--endpoint", live.events, live.requests
    )
    assert command.returncode == 2
    assert "install hostmon[scheduler]" in command.stderr
    assert len(command.stderr.splitlines()) == 1


def test_the_agent_says_what_it_lacks(bare: Path) -> None:
    result = run(bare / "hostmon", "run", "--demo")
    assert result.returncode == 1
    assert "install hostmon[agent]" in result.stderr
    assert "Traceback" not in result.stderr
