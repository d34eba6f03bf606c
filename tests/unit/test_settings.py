"""Settings: defaults, and one clear line for everything that is wrong."""

from pathlib import Path

import pytest

from hostmon.client.link import SILENCE
from hostmon.errors import SettingsError
from hostmon.settings import (
    LONGEST_HEARTBEAT,
    BusSettings,
    Settings,
    check_address,
    default_socket,
    load,
)


def error_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "hostmon.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bus]\nevent = []", "bus.event: unknown key; did you mean events?"),
        (
            "x = 1",
            (
                "x: unknown key; known keys: agent, bus, connection, sampling, account, metrics, "
                "log, drivers, virt, vif, volume, scheduler"
            ),
        ),
        ("[bus]\nheartbeat = 'x'", "bus.heartbeat = 'x': expected float, got str"),
        (
            "[bus]\nheartbeat = 0",
            (
                "bus.heartbeat = 0.0: give more than 0 and at most 2; to subscribers an agent that "
                "is silent for 5 s is gone"
            ),
        ),
        (
            "[bus]\nheartbeat = 2.5",
            (
                "bus.heartbeat = 2.5: give more than 0 and at most 2; to subscribers an agent that "
                "is silent for 5 s is gone"
            ),
        ),
        (
            "[bus]\nevents = ['udp://x']",
            "bus.events = 'udp://x': write ipc:///PATH or tcp://HOST:PORT",
        ),
        (
            "[bus]\nrequests = 'tcp://a:99999'",
            "bus.requests = 'tcp://a:99999': give a port from 1 to 65535",
        ),
        (
            "[bus]\nevents = ['tcp://192.0.2.1:5000']",
            (
                "bus.events = 'tcp://192.0.2.1:5000': not encrypted, and beyond loopback; set "
                "keys, give a loopback address, or set unencrypted_beyond_loopback = true"
            ),
        ),
        (
            "[bus]\nrequests = ['ipc:///a', 'tcp://192.0.2.1:5000']",
            (
                "bus.requests = 'tcp://192.0.2.1:5000': not encrypted, and beyond loopback; set "
                "keys, give a loopback address, or set unencrypted_beyond_loopback = true"
            ),
        ),
        (
            "[bus]\nkeys = '/etc/hostmon/keys'\nevents = ['tcp://192.0.2.1:5000']",
            (
                "bus.events = 'tcp://192.0.2.1:5000': with keys this host's own programs need an "
                "ipc address besides; add ipc:///PATH"
            ),
        ),
        ("[bus]\nipc_mode = 'rw'", "bus.ipc_mode = 'rw': give an octal mode such as 0660"),
        (
            "[bus]\nipc_owner = 'a:b:c'",
            "bus.ipc_owner = 'a:b:c': give USER, USER:GROUP or :GROUP",
        ),
        (
            "[agent]\nuri = 'qem:///system'",
            "agent.uri = 'qem:///system': libvirt has no driver 'qem'; did you mean qemu://?",
        ),
        (
            "[agent]\nuri = 'system'",
            "agent.uri = 'system': write a libvirt URI such as qemu:///system",
        ),
        (
            f"[agent]\nhost = '{'ä' * 127}'",
            (
                f"agent.host = '{'ä' * 40}'...: is 254 bytes long; give a host's name, of 253 at "
                "most"
            ),
        ),
        ("[agent]\ndrivers = 'x'", "agent.drivers = 'x': expected array, got str"),
        ("[agent]\ndrivers = [1]", "agent.drivers[0] = 1: expected str, got int"),
        ("[log]\nformat = 'xml'", "log.format = 'xml': give one of text, json"),
        (
            "[metrics]\nwithout = ['x']",
            "metrics.without[0] = 'x': give one of vcpu, disk, interface",
        ),
        ("[drivers]\nprometheus = 3", "drivers.prometheus = 3: expected object, got int"),
        ("[drivers]\na = {}\n'b.c' = 3", 'drivers."b.c" = 3: expected object, got int'),
        (
            '[bus]\n"a`b\\n" = 3',
            (
                'bus."a`b\\n": unknown key; known keys: events, requests, keys, ipc_mode, '
                "ipc_owner, heartbeat, high_water_mark, unencrypted_beyond_loopback, ring_mib"
            ),
        ),
        (
            "[connection]\nretry_first = -1",
            "connection.retry_first = -1.0: give more than 0 and at most 60",
        ),
        (
            "[scheduler.weighers]\n'a b' = nan",
            'scheduler.weighers."a b" = nan: give a finite number',
        ),
        ("[drivers.x]\ny = [1.5, -inf]", "drivers.x.y[1] = -inf: give a finite number"),
        ("a =", "not TOML: Invalid value (at end of document)"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(tmp_path: Path, text: str, message: str) -> None:
    assert error_of(tmp_path, text) == message


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="give a file that can be read"):
        load(tmp_path / "absent")
    (tmp_path / "latin").write_bytes(b"host = '\xe9'")
    with pytest.raises(SettingsError, match="not UTF-8 at byte 8"):
        load(tmp_path / "latin")


def test_loopback_and_what_is_allowed_in_so_many_words(tmp_path: Path) -> None:
    path = tmp_path / "hostmon.toml"
    for address in ("tcp://127.0.0.1:5000", "tcp://localhost:5000", "tcp://[::1]:5000"):
        path.write_text(f"[bus]\nevents = ['{address}']")
        assert load(path).bus.events == (address,)
    path.write_text("[bus]\nevents = ['tcp://*:5000']\nunencrypted_beyond_loopback = true")
    assert load(path).bus.events == ("tcp://*:5000",)


def test_two_missed_heartbeats_leave_a_quiet_host_fresh() -> None:
    assert 2 * LONGEST_HEARTBEAT < SILENCE
    assert BusSettings(heartbeat=LONGEST_HEARTBEAT).heartbeat == LONGEST_HEARTBEAT


def test_no_file_means_the_defaults() -> None:
    assert load(None) == Settings()


def test_a_long_socket_path_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 107 bytes"):
        check_address("ipc:///" + "x" * 200)


def test_a_client_finds_the_socket_where_an_agent_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hostmon.settings.SYSTEM_RUNTIME", tmp_path / "absent")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "hostmon").mkdir()
    (tmp_path / "hostmon" / "events.sock").touch()
    assert default_socket("events.sock") == f"ipc://{tmp_path}/hostmon/events.sock"
