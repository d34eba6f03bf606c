"""``hostmon plug``: which driver it takes, and what it says of a request that can't be."""

from pathlib import Path

import pytest

from hostmon.cli.plug import POINTS, driver_for, request, section
from hostmon.driver.points import VIF, VOLUME
from hostmon.errors import SettingsError
from hostmon.points import BridgeVif, NetworkVolume, StorageServer
from hostmon.settings import load
from tests.agent_process import hostmon

MAC = "52:54:00:12:34:56"


def test_the_configured_driver_is_taken_whatever_the_type(tmp_path: Path) -> None:
    path = tmp_path / "hostmon.toml"
    path.write_text("[agent]\nvif = 'mine'\n[vif.mine]\nspeed = 1\n[vif.generic]\n[volume.file]\n")
    settings = load(path)
    for type_ in ("bridge", "ovs", "user"):
        assert driver_for(VIF, type_, settings) == "mine"
    assert section(VIF, "mine", settings) == {"speed": 1}
    assert driver_for(VOLUME, "file", settings) == "file"
    assert driver_for(VIF, "bridge", load(None)) == "generic"


def test_words_become_what_is_asked() -> None:
    kinds = POINTS["vif"][1]
    words = [f"mac={MAC}", "bridge=br0", "mtu=1400"]
    assert request("vif", "bridge", words, kinds) == BridgeVif(mac=MAC, bridge="br0", mtu=1400)
    words = [
        "target=vdb",
        "protocol=nbd",
        'servers=[{"name": "a", "port": 10809}]',
        "readonly=true",
    ]
    assert request("volume", "network", words, POINTS["volume"][1]) == NetworkVolume(
        target="vdb", protocol="nbd", servers=(StorageServer("a", 10809),), readonly=True
    )


@pytest.mark.parametrize(
    ("what", "type_", "words", "text"),
    [
        ("vif", "brigde", [], "vif of type 'brigde': there are bridge, ovs"),
        ("vif", "bridge", ["br0"], "vif 'br0': write KEY=VALUE"),
        ("vif", "bridge", [f"mac={MAC}", "brigde=x"], "'brigde' is no key; bridge has mac, model"),
        ("vif", "bridge", [f"mac={MAC}"], "vif: bridge: is missing; give it"),
        ("vif", "user", ["mac=x"], "mac = 'x': write six pairs"),
        ("vif", "user", [f"mac={MAC}", "mtu=big"], "mtu = 'big'"),
        ("volume", "file", ["target=vdb", "path=[x"], "'[x' is no JSON"),
        ("volume", "network", ["target=vdb", "protocol=ftp"], "protocol = 'ftp'"),
    ],
)
def test_what_cannot_be_is_told(what: str, type_: str, words: list[str], text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        request(what, type_, words, POINTS[what][1])
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_use_is_one_line_and_exit_code_2() -> None:
    result = hostmon("plug", "web-1", "vif", "user", "mac=x")
    assert result.returncode == 2
    assert result.stderr.startswith("hostmon: vif: mac = 'x'")
    assert "examples:" in hostmon("unplug", "--help").stdout


def test_a_driver_or_guest_that_is_not_there_is_named(tmp_path: Path) -> None:
    words = ("vif", "user", f"mac={MAC}", "--uri", "test:///default")
    result = hostmon("plug", "test", *words, "--driver", "genric")
    assert (result.returncode, result.stdout) == (1, "")
    assert "vif driver 'genric' is not installed; did you mean generic?" in result.stderr
    assert "has no guest 'tset'; did you mean test?" in hostmon("plug", "tset", *words).stderr
