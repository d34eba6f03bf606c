"""Marks: who is asked again when the keeper looks for what no event told, and the files behind."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from hostmon import keeper
from hostmon.driver.virt import GuestDescription, Mark
from hostmon.keeper import Keeper
from hostmon.settings import ConnectionSettings
from hostmon_drivers.virt_libvirt.marks import mark_of, marked

ONE, TWO = UUID(int=1), UUID(int=2)


class Asked:
    """A connection that notes whom it is asked about."""

    def __init__(self, **marks: str) -> None:
        self.found = {"one": ONE, "two": TWO}
        self.said = marks
        self.asked: list[str] = []

    def marks(self) -> tuple[Mark, ...]:
        return tuple(Mark(self.found[name], text) for name, text in self.said.items())

    def guests(self) -> Iterator[GuestDescription]:
        self.asked.append("all")
        yield from (described(uuid) for uuid in self.found.values())

    def guest(self, uuid: UUID) -> GuestDescription:
        self.asked += [name for name, one in self.found.items() if one == uuid]
        return described(uuid)


def described(uuid: UUID) -> GuestDescription:
    return GuestDescription(
        uuid=uuid, name=str(uuid), id=-1, state=5, reason=0, vcpus=1, memory=1, memory_max=1
    )


def kept() -> Keeper:
    definitions = SimpleNamespace(
        update=lambda *_: None, place=lambda: True, keep_only=lambda _: set(), forget=lambda _: None
    )
    pipe = SimpleNamespace(put=lambda _: True)
    made: list[Any] = [None, "fake:///", ConnectionSettings(), pipe, None, definitions]
    return Keeper(*made)


def asked(one: Keeper, connection: Asked) -> list[str]:
    connection.asked = []
    one._refresh(cast("Any", connection))
    return connection.asked


def test_only_guests_whose_mark_changed_are_asked_again() -> None:
    one, connection = kept(), Asked(one="a", two="b")
    assert asked(one, connection) == ["all"]
    assert asked(one, connection) == []
    connection.said["two"] = "c"
    assert asked(one, connection) == ["two"]
    assert asked(one, connection) == []


def test_without_a_mark_a_guest_is_asked_each_time() -> None:
    one, connection = kept(), Asked(one="", two="b")
    asked(one, connection)
    assert asked(one, connection) == ["one"]
    assert asked(one, connection) == ["one"]


def test_without_marks_all_are_asked_each_time() -> None:
    one, connection = kept(), Asked()
    assert [asked(one, connection) for _ in range(3)] == [["all"]] * 3


def test_marks_are_believed_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    one, connection = kept(), Asked(one="a", two="b")
    asked(one, connection)
    later = time.monotonic() + keeper.WHOLE_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert asked(one, connection) == ["all"]
    assert asked(one, connection) == []


def test_a_guest_that_comes_is_asked(tmp_path: Path) -> None:
    one, connection = kept(), Asked(one="a")
    asked(one, connection)
    connection.said["two"] = "b"
    assert asked(one, connection) == ["two"]


def replace(path: Path, text: str) -> None:
    """As libvirtd does: another file in the old one's place."""
    made = path.with_suffix(".new")
    made.write_text(text)
    made.replace(path)


def test_a_mark_changes_with_every_file_that_libvirtd_keeps(tmp_path: Path) -> None:
    config, run = tmp_path / "etc", tmp_path / "run"
    (config / "autostart").mkdir(parents=True)
    run.mkdir()
    seen = [mark_of("a", -1, config, run)]
    assert seen == [""]
    replace(config / "a.xml", "<domain/>")
    seen.append(mark_of("a", -1, config, run))
    replace(config / "a.xml", "<domain/>")  # the same text all the same
    seen.append(mark_of("a", -1, config, run))
    (config / "autostart/a.xml").symlink_to(config / "a.xml")
    seen.append(mark_of("a", -1, config, run))
    replace(run / "a.xml", "<domstatus/>")
    seen.append(mark_of("a", -1, config, run))
    seen.append(mark_of("a", 7, config, run))
    replace(run / "a.xml", "<domstatus/>")
    seen.append(mark_of("a", 7, config, run))
    assert len(set(seen)) == len(seen)
    assert mark_of("a", 7, config, run) == seen[-1]
    assert mark_of("a\0b", 7, config, run) == ""
    assert mark_of("x" * 300, 7, config, run) == ""


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("qemu:///system", True),
        ("qemu+unix:///system", True),
        ("qemu:///session", False),
        ("qemu+ssh://other/system", False),
        ("qemu+tcp://other/system", False),
        ("qemu+unix:///system?socket=/tmp/sock", False),
        ("qemu:///embed?root=/tmp/x", False),
        ("test:///default", False),
        ("lxc:///system", False),
    ],
)
def test_files_are_looked_at_for_this_machines_libvirtd_alone(uri: str, known: bool) -> None:
    assert marked(uri) is known
