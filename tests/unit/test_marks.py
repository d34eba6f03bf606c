"""Marks: who is asked again when the keeper looks for what no event told, and the files behind."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from hostmon import keeper
from hostmon._table import GuestTable
from hostmon.driver.virt import GuestDescription, Mark
from hostmon.keeper import Keeper
from hostmon.settings import ConnectionSettings
from hostmon_drivers.virt_libvirt.connection import LibvirtConnection
from hostmon_drivers.virt_libvirt.jobs import Jobs
from hostmon_drivers.virt_libvirt.marks import folders_stamp, mark_of, marked

CONNECTION = "hostmon_drivers.virt_libvirt.connection"
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
    dispatcher = SimpleNamespace(lost_records=0)
    made: list[Any] = [None, "fake:///", ConnectionSettings(), pipe, dispatcher, definitions]
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


def test_whoever_has_just_been_listed_is_asked_only_after_a_change() -> None:
    one, connection = kept(), Asked(one="a", two="b")
    listed = connection.guests

    def listing() -> Iterator[GuestDescription]:
        yield from listed()
        connection.said["two"] = "c"  # while they are listed

    cast("Any", connection).guests = listing
    one._resync(cast("Any", connection))
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
    assert mark_of("a", 7, config, run) == "", "it runs, but not by these folders' libvirtd"
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


def aged(path: Path, seconds: float = 10) -> None:
    """As if it had been changed so long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_stamp_changes_with_its_folders(tmp_path: Path) -> None:
    config, run = tmp_path / "etc", tmp_path / "run"
    folders = (config, config / "autostart", run)
    assert folders_stamp(folders) is None, "nothing is there"
    config.mkdir()
    run.mkdir()
    assert folders_stamp(folders) is None, "changed just now"
    for folder in (config, run):
        aged(folder)
    before = folders_stamp(folders)
    assert before is not None
    assert folders_stamp(folders) == before
    replace(run / "a.xml", "<domstatus/>")
    assert folders_stamp(folders) is None
    aged(run, 5)
    assert folders_stamp(folders) not in {None, before}
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert folders_stamp((run, loop)) is None, "it cannot be looked at"


def test_guests_are_listed_anew_once_a_folder_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, stamps, lists = {"a": "1", "b": "2"}, [((1, 1),)], []
    monkeypatch.setattr(f"{CONNECTION}.folders_stamp", lambda: stamps[0])
    monkeypatch.setattr(f"{CONNECTION}.mark_of", lambda name, _id: texts[name])

    def listed() -> list[SimpleNamespace]:
        lists.append(1)
        return [SimpleNamespace(uuid=UUID(int=i), name=n, id=-1) for i, n in enumerate(texts)]

    one = LibvirtConnection.__new__(LibvirtConnection)
    one._marked, one._marks, one._marked_at = True, (), None
    one._host = cast("Any", SimpleNamespace(list_guests=listed))
    first = one.marks()
    assert [mark.text for mark in first] == ["1", "2"]
    assert one.marks() is first
    stamps[0], texts["b"] = ((1, 2),), ""
    for _ in range(2):
        assert [mark.text for mark in one.marks()] == ["1", ""]
    assert len(lists) == 3, "one guest's files are not there: not believed"


class JobsOf:
    """Statistics of guests of which some have a job, or do not answer."""

    def __init__(self, **have: bool | None) -> None:
        self.have = {name.encode(): job for name, job in have.items()}
        self.asked: list[bytes] = []
        self.spared: list[bytes] = []
        self.stirred: list[bytes] = []

    def job(self, uuid: bytes) -> bool | None:
        self.asked.append(uuid)
        return self.have[uuid]

    def jobless(self, uuids: list[bytes]) -> None:
        self.spared += uuids

    def stir(self, uuids: list[bytes]) -> None:
        self.stirred += uuids


def states(run: Path, *names: str) -> Path:
    """A folder of the running guests' states, written a while ago."""
    run.mkdir(exist_ok=True)
    for name in names:
        replace(run / f"{name}.xml", "<domstatus/>")
    aged(run)
    return run


def test_guests_without_a_job_are_asked_once_libvirtd_wrote_something(tmp_path: Path) -> None:
    run = states(tmp_path / "run", "a", "b", "c", "d")
    jobs, stats = Jobs(lambda uuid: uuid, run), JobsOf(a=False, b=True, c=None, d=False)

    def asked(*uuids: bytes) -> tuple[list[bytes], list[bytes]]:
        stats.asked, stats.spared = [], []
        having = jobs.read(cast("Any", stats), list(uuids))
        assert having == sum(stats.have[uuid] is True for uuid in uuids)
        return stats.asked, stats.spared

    assert asked(b"a", b"b")[0] == [b"a", b"b"]
    assert asked(b"c", b"d")[0] == [b"c", b"d"]
    assert asked(b"a", b"b") == ([b"b"], [b"a"])
    assert asked(b"c", b"d") == ([b"c"], [b"d"])
    replace(run / "b.xml", "<domstatus/>")
    aged(run, 5)
    assert asked(b"a", b"b") == ([b"a", b"b"], [])
    assert asked(b"c", b"d") == ([b"c", b"d"], [])
    aged(run, -60)  # just now, and it may change again without showing it
    for _ in range(2):
        assert asked(b"a", b"d") == ([b"a", b"d"], [])


def test_guests_whose_state_libvirtd_wrote_anew_are_stirred_once(tmp_path: Path) -> None:
    run, written = states(tmp_path / "run", "a", "b", "c"), dict[bytes, str]()
    names = {b"a": b"a", b"b": b"b", b"c": b"c"}
    stats = JobsOf(a=False, b=False, c=True)
    jobs = Jobs(names.get, run, written)

    def stirred(*uuids: bytes) -> list[bytes]:
        stats.stirred = []
        for _ in range(2):
            jobs.read(cast("Any", stats), list(uuids))
        return stats.stirred

    assert stirred(b"a", b"b", b"c") == [], "nothing is known of before"
    replace(run / "b.xml", "<domstatus><blockjobs active='yes'/></domstatus>")
    replace(run / "c.xml", "<domstatus><blockjobs active='no'/></domstatus>")
    aged(run, 5)
    assert stirred(b"a") == []
    assert stirred(b"b", b"c") == [b"b", b"c"]
    replace(run / "a.xml", "<domstatus><blockjobs active='yes'/></domstatus>")
    aged(run, 10)
    jobs = Jobs(names.get, run, written)
    assert stirred(b"a", b"b", b"c") == [b"a"], "whichever connection looked before"
    del names[b"a"]
    aged(run, 15)
    assert stirred(b"b") == []
    assert set(written) == {b"b", b"c"}


def test_a_guest_whose_state_is_not_there_is_asked_each_time(tmp_path: Path) -> None:
    """The folder may be another libvirtd's: that it stands still says nothing of this one."""
    names = {b"a": b"a", b"b": b"other", b"c": b"c\0", b"d": None}
    jobs = Jobs(names.get, states(tmp_path / "run", "a", "b", "c", "d"))
    stats = JobsOf(a=False, b=False, c=False, d=False)
    for _ in range(2):
        jobs.read(cast("Any", stats), [b"a", b"b", b"c", b"d"])
    assert stats.asked == [b"a", b"b", b"c", b"d", b"b", b"c", b"d"]
    assert stats.spared == [b"a"]


def test_jobs_need_no_more_than_a_look_at_the_states(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Definitions are root's alone on some hosts; who may not look at them knows jobs all the same.

    Nobody is listed for it, and no marks are kept beside those of the connection that compares.
    """
    monkeypatch.setattr(f"{CONNECTION}.folders_stamp", lambda: None)
    host = SimpleNamespace(connect=lambda: None)
    monkeypatch.setattr(f"{CONNECTION}.Host", lambda *_, **__: host)
    table = GuestTable()
    table.upsert(ONE.bytes, b"one")
    table.upsert(TWO.bytes, b"two")
    keepalive = SimpleNamespace(keepalive_interval=5, keepalive_count=3)
    columns = SimpleNamespace(table=table)
    context = SimpleNamespace(uri="qemu:///system", connection=keepalive, columns=columns)
    one = LibvirtConnection(cast("Any", context), None, kernel=True)
    assert one._jobs is not None
    one._jobs._run = states(tmp_path / "run", "one", "two")
    stats = JobsOf()
    stats.have = {ONE.bytes: False, TWO.bytes: False}
    one._stats = cast("Any", stats)
    for _ in range(2):
        one.read("job", (ONE, TWO))
    assert stats.asked == stats.spared == [ONE.bytes, TWO.bytes]
    assert one._marks == ()


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
