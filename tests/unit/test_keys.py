"""Keys in files: made, allowed, revoked, and refused where others could read or change them."""

import json
import os
import stat
from pathlib import Path

import pytest

from hostmon import keys
from hostmon.errors import SettingsError
from tests.agent_process import hostmon


def test_a_pair_is_its_owners_alone_and_never_replaced(tmp_path: Path) -> None:
    public, secret = keys.new_pair(tmp_path / "keys", "agent")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    pair = keys.load_pair(secret)
    assert (pair.public, len(pair.secret)) == (public, 40)
    assert pair.secret not in repr(pair)
    assert keys.load_public(str(tmp_path / "keys" / "agent.key")) == public
    assert keys.load_public(public) == public
    with pytest.raises(SettingsError, match="is there already"):
        keys.new_pair(tmp_path / "keys", "agent")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    _, secret = keys.new_pair(tmp_path, "agent")
    secret.chmod(mode)
    with pytest.raises(SettingsError, match=f"mode {mode:o} lets others read it; chmod 600"):
        keys.load_pair(secret)


@pytest.mark.parametrize("mode", [0o775, 0o757])
def test_a_folder_that_others_may_change_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(SettingsError, match="lets others change it; chmod go-w"):
        keys.check_folder(tmp_path)


def test_the_folder_of_the_allowed_is_looked_at_too(tmp_path: Path) -> None:
    keys.allow(tmp_path, "one", keys.new_pair(tmp_path / "own", "one")[0])
    tmp_path.chmod(0o700)
    keys.check_folder(tmp_path)
    keys.allowed_folder(tmp_path).chmod(0o777)
    with pytest.raises(SettingsError, match="/allowed: mode 777 lets others change it"):
        keys.check_folder(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_keys_of_another_user_are_refused(tmp_path: Path) -> None:
    public, secret = keys.new_pair(tmp_path, "agent")
    os.chown(secret, 12345, -1)
    with pytest.raises(SettingsError, match="belongs to user 12345; chown it to root"):
        keys.load_pair(secret)
    keys.allow(tmp_path, "one", public)
    os.chown(keys.allowed_folder(tmp_path) / "one.key", 12345, -1)
    assert keys.allowed(tmp_path) == {}
    os.chown(keys.allowed_folder(tmp_path), 12345, -1)
    with pytest.raises(SettingsError, match="/allowed: belongs to user 12345"):
        keys.check_folder(tmp_path)


def test_a_folder_that_others_may_change_later_lets_nobody_new_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, third = (keys.new_pair(tmp_path / "own", str(n))[0] for n in range(3))
    keys.allow(tmp_path, "first", first)
    keys.allow(tmp_path, "second", second)
    allowed = keys.AllowedKeys(tmp_path)
    assert allowed.read() == []
    keys.allowed_folder(tmp_path).chmod(0o777)
    keys.allow(tmp_path, "third", third)
    keys.revoke(tmp_path, "first")
    for expected in (["first"], [], []):
        assert allowed.read() == expected
    assert [key in allowed for key in (first, second, third)] == [False, True, False]
    (told,) = caplog.records
    assert "/allowed: mode 777 lets others change it; chmod go-w it; no new key" in told.message
    keys.allowed_folder(tmp_path).chmod(0o755)
    assert allowed.read() == []
    assert third in allowed


def test_a_wrong_file_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys.allow(tmp_path, "one", keys.new_pair(tmp_path / "own", "one")[0])
    bad = keys.allowed_folder(tmp_path) / "bad.key"
    bad.write_text("nothing")
    allowed = keys.AllowedKeys(tmp_path)
    for _ in range(3):
        allowed.read()
    assert len(caplog.records) == 1
    bad.write_text("still nothing")
    os.utime(bad, ns=(1, 1))
    for _ in range(3):
        allowed.read()
    assert len(caplog.records) == 2
    assert "bad.key: holds no public key" in caplog.records[1].message


@pytest.mark.parametrize("text", ["", 'curve\n    public-key = "short"\n', "\x80\x00"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.key_secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="holds no pair of keys"):
        keys.load_pair(path)
    with pytest.raises(SettingsError, match="holds no public key"):
        keys.load_public(str(path))


def test_one_bad_file_allows_nobody_and_keeps_nobody_out(tmp_path: Path) -> None:
    public, _ = keys.new_pair(tmp_path / "client", "rack-7")
    keys.allow(tmp_path, "rack-7", public)
    (keys.allowed_folder(tmp_path) / "bad.key").write_text("nothing")
    assert keys.allowed(tmp_path) == {"rack-7": public}
    with pytest.raises(SettingsError, match="allowed already, as rack-7"):
        keys.allow(tmp_path, "other", public)
    with pytest.raises(SettingsError, match="nobody: is not allowed; rack-7 is"):
        keys.revoke(tmp_path, "nobody")
    keys.revoke(tmp_path, "rack-7")
    assert keys.allowed(tmp_path) == {}


@pytest.mark.parametrize("name", ["../x", "", ".x", "a" * 65, "a/b", "a\n"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="give letters"):
        keys.allow(tmp_path, name, "x")


def test_the_command_makes_shows_allows_and_revokes(tmp_path: Path) -> None:
    folder = str(tmp_path / "keys")
    made = hostmon("keys", "new", "--keys", folder, "--json")
    agent = json.loads(made.stdout)["public"]
    client = json.loads(
        hostmon("keys", "new", "rack-7", "--keys", str(tmp_path / "own"), "--json").stdout
    )["public"]
    file = str(tmp_path / "own" / "rack-7.key")
    assert hostmon("keys", "allow", "rack-7", file, "--keys", folder).returncode == 0
    shown = hostmon("keys", "show", "--keys", folder, "--json")
    assert json.loads(shown.stdout) == {"agent": agent, "allowed": {"rack-7": client}}
    assert client in hostmon("keys", "show", "--keys", folder).stdout
    assert hostmon("keys", "revoke", "rack-7", "--keys", folder).returncode == 0
    again = hostmon("keys", "revoke", "rack-7", "--keys", folder)
    assert (again.returncode, again.stderr) == (
        2,
        "hostmon: rack-7: is not allowed; nobody is\n",
    )
    missing = hostmon("keys", "show", "--keys", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "`hostmon keys new` makes" in missing.stderr
