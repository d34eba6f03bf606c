"""The scheduler's section: one line for what is wrong, with the host's name."""

from pathlib import Path

import pytest

from hostmon.errors import SettingsError
from hostmon.scheduler.settings import scheduler_settings
from tests.agent_process import hostmon

KNOWN = "known keys: events, requests, agent_key"
GOOD = 'events = "ipc:///e"\nrequests = "ipc:///r"\n'
HOSTS = f"[scheduler.hosts.good]\n{GOOD}[scheduler.hosts"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f'.bad]\n{GOOD}key = "x"',
            f"hosts.bad.key: unknown key; {KNOWN}",
        ),
        (
            f'."rack-7.example.com"]\n{GOOD}colour = "x"',
            f'hosts."rack-7.example.com".colour: unknown key; {KNOWN}',
        ),
        ('.bad]\nevents = "ipc:///e"', "hosts.bad.requests: is missing; give it"),
        (
            '.bad]\nevents = 5\nrequests = "ipc:///r"',
            "hosts.bad.events = 5: expected str, got int",
        ),
        (
            '.bad]\nevents = "x"\nrequests = "ipc:///r"',
            "hosts.bad.events = 'x': write ipc:///PATH or tcp://HOST:PORT",
        ),
        (
            f".bad]\nevents = {list(range(500))}\nrequests = 'ipc:///r'",
            f"hosts.bad.events = {str(list(range(500)))[:200]}...: expected str, got array",
        ),
        ("]\nbad = 3", "hosts.bad = 3: expected object, got int"),
        ("]\n[scheduler.weighers]\nmemory = 'x'", "weighers.memory = 'x': expected float, got str"),
        (
            f'."a.b"]\n{GOOD}agent_key = "x"',
            'hosts."a.b".agent_key: give the scheduler\'s own key too',
        ),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "hostmon.toml"
    path.write_text(HOSTS + text)
    checked = hostmon("config", "check", str(path))
    assert (checked.returncode, checked.stderr) == (
        2,
        f"hostmon: {path}: scheduler: {message}\n",
    )


def test_the_command_that_places_says_so_too(tmp_path: Path) -> None:
    path = tmp_path / "hostmon.toml"
    path.write_text(f'{HOSTS}.bad]\n{GOOD}key = "x"')
    placed = hostmon("schedule", "--config", str(path), "--vcpus", "1")
    assert (placed.returncode, placed.stderr) == (
        2,
        f"hostmon: {path}: scheduler: hosts.bad.key: unknown key; {KNOWN}\n",
    )


def test_a_section_without_a_file_is_checked_the_same() -> None:
    with pytest.raises(SettingsError, match=r"^scheduler: hosts.bad.events: is missing; give it$"):
        scheduler_settings({"hosts": {"bad": {}}})
