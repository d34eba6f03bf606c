"""hostmon guest and hostmon xml, on libvirt's test driver."""

import io
import json
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

import pytest

from hostmon.cli import main
from tests.unit.conftest import NODE, guest_xml

Capture = pytest.CaptureFixture[str]
DISK = "<disk type='file'><source file='/images/{0}.raw'/><target dev='vda' bus='virtio'/></disk>"


@pytest.fixture
def uri(tmp_path: Path) -> str:
    for name in ("one", "two"):
        xml = guest_xml(name, devices=DISK.format(name))
        # Opening the node again must not make another uuid.
        uuid = f"<uuid>{uuid5(NAMESPACE_DNS, name)}</uuid>"
        (tmp_path / f"{name}.xml").write_text(xml.replace("<memory", f"{uuid}<memory"))
    body = "".join(f"<domain file='{tmp_path}/{name}.xml'/>" for name in ("one", "two"))
    path = tmp_path / "node"
    path.write_text(NODE.format(body=body))
    return f"test://{path}"


def test_show_tells_state_sizes_and_devices(uri: str, capsys: Capture) -> None:
    assert main(["guest", "show", "--uri", uri, "one"]) == 0
    out = capsys.readouterr().out
    assert "one  running" in out
    assert "64 MiB of 64 MiB" in out
    assert "disk[vda]" in out
    assert "/images/one.raw" in out


def test_show_as_json_and_as_xml(uri: str, capsys: Capture) -> None:
    assert main(["guest", "show", "--uri", uri, "--json", "one", "two"]) == 0
    one, two = json.loads(capsys.readouterr().out)
    assert (one["name"], two["name"], one["memory"]) == ("one", "two", 64 << 20)
    assert one["devices"]["disk[vda]"] == "/images/one.raw"
    assert main(["guest", "show", "--uri", uri, one["uuid"], "--xml"]) == 0
    assert "<name>one</name>" in capsys.readouterr().out


def test_a_guest_that_is_not_there(uri: str, capsys: Capture) -> None:
    assert main(["guest", "show", "--uri", uri, "onee"]) == 1
    assert "has no guest 'onee'; did you mean one?" in capsys.readouterr().err
    assert main(["guest", "show", "--uri", uri, "x"]) == 1
    assert "virsh list" in capsys.readouterr().err
    assert main(["guest", "show", "--uri", "nonsense", "one"]) == 2


def test_diff_names_each_difference_by_its_path(uri: str, capsys: Capture) -> None:
    assert main(["guest", "diff", "--uri", uri, "one", "one"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["guest", "diff", "--uri", uri, "one", "two"]) == 1
    assert (
        "~ domain/devices/disk[vda]/source/@file: /images/one.raw -> /images/two.raw"
        in capsys.readouterr().out
    )
    assert main(["guest", "diff", "--uri", uri, "--json", "one", "two"]) == 1
    paths = {one["path"]: one for one in json.loads(capsys.readouterr().out)}
    assert paths["domain/name"] == {"path": "domain/name", "left": "one", "right": "two"}


def test_diff_of_one_guest_is_what_its_next_start_changes(uri: str, capsys: Capture) -> None:
    assert main(["guest", "diff", "--uri", uri, "one"]) == 1
    assert capsys.readouterr().out.splitlines() == ["- domain/@id: 1"]


def test_diff_with_a_file(uri: str, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "saved.xml"
    assert main(["guest", "show", "--uri", uri, "--xml", "one"]) == 0
    path.write_text(capsys.readouterr().out.replace("/images/one.raw", "/images/new.raw"))
    assert main(["guest", "diff", "--uri", uri, "one", str(path)]) == 1
    assert capsys.readouterr().out.count("\n") == 1
    assert main(["guest", "diff", "--uri", uri, str(path)]) == 2
    assert main(["guest", "diff", "--uri", uri, "one", "two", "one"]) == 2


def test_xml_check(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "guest.xml"
    path.write_text(guest_xml("good"))
    assert main(["xml", "check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: good\n"
    path.write_text(guest_xml("bad").replace("<vcpu>2</vcpu>", "\n<vcpu>two</vcpu>"))
    assert main(["xml", "check", str(path)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{path}:2: error: domain/vcpu: 'two' ")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"<domain><")))
    assert main(["xml", "check", "--json", "-"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert problem["certain"]
    assert main(["xml", "check", str(tmp_path / "absent.xml")]) == 2
    assert "name a readable file" in capsys.readouterr().err
