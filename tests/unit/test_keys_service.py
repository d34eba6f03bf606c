"""Keys made by root, used by a service that runs as a user of its own."""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostmon import keys
from hostmon.client import ClientKeys, Endpoint
from hostmon.client import status as ask_status
from hostmon.errors import SettingsError
from tests.agent_process import AgentProcess, free_port, wait_for

USER = 65534
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
SECRET = f"{keys.AGENT}{keys.SECRET_SUFFIX}"


class Service:
    """Keys of root's, as `hostmon keys` makes them, and the folder of the service's user."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        self.keys, self.own, self.credentials = folder / "etc/keys", folder / "run", folder / "cred"
        before = os.umask(0o077)  # the strictest that a host may have
        try:
            keys.new_pair(self.keys, keys.AGENT)
            public, secret = keys.new_pair(folder / "client", "rack-7")
            keys.allow(self.keys, "rack-7", public)
        finally:
            os.umask(before)
        self.client = ClientKeys(
            keys.load_pair(secret), keys.load_public(str(self.keys / "agent.key"))
        )
        for made in (self.own, self.credentials):
            made.mkdir()
            os.chown(made, USER, USER)

    def pass_secret(self, *, by_acl: bool) -> None:
        """As systemd does: by an access list of the user's, or where there is none, by owner."""
        given = self.credentials / SECRET
        shutil.copyfile(self.keys / SECRET, given)
        given.chmod(0o400)
        if by_acl:
            allow_reading(given, USER)
        else:
            os.chown(given, USER, -1)

    def run(self) -> AgentProcess:
        """An agent as the service's user."""
        self.events, self.requests = (f"tcp://127.0.0.1:{free_port()}" for _ in range(2))
        bus = (
            f'[bus]\nkeys = "{self.keys}"\n'
            f'events = ["ipc://{self.own}/events.sock", "{self.events}"]\n'
            f'requests = ["ipc://{self.own}/requests.sock", "{self.requests}"]\n'
        )
        environment = ("env", f"CREDENTIALS_DIRECTORY={self.credentials}")
        program = (*AS_USER, *environment, sys.executable, "-m", "hostmon")
        return AgentProcess(self.own, "--demo", bus=bus, program=program)

    def refusal(self) -> str:
        """What an agent says that does not start."""
        running = self.run()
        try:
            assert running.process.wait(20) == 2, running.log.read_text()
            return running.log.read_text()
        finally:
            running.close()


def allow_reading(path: Path, user: int) -> None:
    """Give one user more the right to read, by an access list (acl(5))."""
    entries = [(0x01, 4, 0xFFFFFFFF), (0x02, 4, user), (0x04, 0, 0xFFFFFFFF)]
    entries += [(0x10, 4, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
    packed = b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + packed)
    except OSError as error:
        pytest.skip(f"no access lists in {path.parent}: {error.strerror}")


@pytest.fixture
def service() -> Iterator[Service]:
    if os.geteuid() != 0:
        pytest.skip("only root starts processes as another user")
    if subprocess.run([*AS_USER, "test", "-x", sys.executable], check=False).returncode:
        pytest.skip(f"user {USER} may not run {sys.executable}: a folder above it is closed")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        yield Service(Path(folder))


@pytest.mark.parametrize("by_acl", [True, False], ids=["acl", "owner"])
def test_the_service_has_the_keys_that_root_made(service: Service, by_acl: bool) -> None:
    service.pass_secret(by_acl=by_acl)
    running = service.run()
    try:
        running.wait_until_ready()
        endpoint = Endpoint(service.events, service.requests, service.client)
        assert ask_status(endpoint, 5).gate.keys == 1
        if by_acl:
            become_unreadable(service, running, endpoint)
    finally:
        running.close()


def become_unreadable(service: Service, running: AgentProcess, endpoint: Endpoint) -> None:
    """Nobody who is allowed is turned out meanwhile, and it is told."""
    metric = "hostmon_bus_unusable_keys"
    assert running.metrics()[metric] == 0
    place = keys.allowed_folder(service.keys)
    place.chmod(0o700)
    wait_for(lambda: running.metrics()[metric] == 1)
    assert ask_status(endpoint, 5).gate.keys == 1
    told = [line for line in running.log.read_text().splitlines() if str(place) in line]
    assert len(told) == 1
    assert f"{place}: user {USER} may not read it; chmod 755 it" in told[0]
    assert "until then no key is allowed or revoked" in told[0]
    place.chmod(0o755)
    wait_for(lambda: running.metrics()[metric] == 0)
    keys.revoke(service.keys, "rack-7")
    wait_for(lambda: running.ask("status")["gate"]["keys"] == 0)


@pytest.mark.parametrize("placeholder", [False, True], ids=["none", "placeholder"])
def test_a_secret_that_nobody_passed_is_told_of(service: Service, placeholder: bool) -> None:
    if placeholder:  # what the unit gives where there was no file when it started
        (service.credentials / SECRET).write_text("none")
    secret = service.keys / SECRET
    assert service.refusal() == (
        f"hostmon: {secret}: Permission denied to user {USER}; be its owner, or pass it to the "
        f"service: LoadCredential={SECRET}:{secret}\n"
    )


@pytest.mark.parametrize("closed", ["..", ".", "allowed"])
def test_a_folder_that_the_service_may_not_read_is_refused(service: Service, closed: str) -> None:
    service.pass_secret(by_acl=False)
    folder = (service.keys / closed).resolve()
    folder.chmod(0o700)
    assert service.refusal() == (
        f"hostmon: {folder}: user {USER} may not read it; chmod 755 it (public keys are no "
        "secret), or keep the keys elsewhere\n"
    )


def test_a_secret_of_other_keys_is_refused(tmp_path: Path) -> None:
    keys.new_pair(tmp_path / "keys", keys.AGENT)
    keys.new_pair(tmp_path / "cred", keys.AGENT)
    with pytest.raises(
        SettingsError, match=r"/cred/agent.key_secret: is not the secret of .*/keys"
    ):
        keys.load_agent_pair(tmp_path / "keys", str(tmp_path / "cred"))
    own = keys.load_agent_pair(tmp_path / "keys", str(tmp_path / "nothing"))
    assert own == keys.load_agent_pair(tmp_path / "keys")


def test_a_public_key_that_the_service_may_not_read_is_told_of(service: Service) -> None:
    file = keys.allowed_folder(service.keys) / "rack-7.key"
    file.chmod(0o600)
    code = "import sys, pathlib; from hostmon import keys; keys.allowed(pathlib.Path(sys.argv[1]))"
    told = subprocess.run(
        [*AS_USER, sys.executable, "-c", code, str(service.keys)],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    assert told == f"{file}: Permission denied to user {USER}; chmod 644 it, it is no secret\n"
