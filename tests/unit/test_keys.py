"""Keys in files: made, allowed, revoked, and refused where others could read or change them."""

import json
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
