"""The journal's files: begun, cut, removed, and what becomes of them if they can't be written."""

import os
from pathlib import Path

import pytest

from hostmon import journal
from hostmon.cli import main
from hostmon.errors import DriverError
from hostmon.journal import GapMark
from hostmon.numbers import Position
from hostmon_drivers.journal.files import JournalFiles, cut_torn_line
from tests.contract.journaling import event, sequences, started, written


def test_the_oldest_files_go_by_size_and_by_age(tmp_path: Path) -> None:
    now = [1000.0]
    files = JournalFiles(
        tmp_path, file_size=100, total_size=350, longest_age=50, clock=lambda: now[0]
    )
    files.open(b"h\n")
    for _ in range(10):
        files.append(b"x" * 99 + b"\n")
        if files.is_full():
            files.rotate(b"h\n")
    assert len(journal.files(tmp_path)) == 4
    assert sum(path.stat().st_size for path in journal.files(tmp_path)) <= 350
    for path in journal.files(tmp_path):
        os.utime(path, (900, 900))
    files.prune()
    assert len(journal.files(tmp_path)) == 1
    files.append(b"still written\n")
    files.close()


@pytest.mark.parametrize(
    ("content", "left"), [(b"", b""), (b"a\n", b"a\n"), (b"a\nb", b"a\n"), (b"x" * 70000, b"")]
)
def test_only_what_follows_the_last_line_is_cut(
    tmp_path: Path, content: bytes, left: bytes
) -> None:
    path = tmp_path / "f"
    path.write_bytes(content)
    assert cut_torn_line(path) == len(content) - len(left)
    assert path.read_bytes() == left


def test_an_empty_newest_file_hides_nothing(tmp_path: Path) -> None:
    driver = started(tmp_path)
    for number in range(1, 6):
        driver.handle(event(number))
    driver.stop()
    (tmp_path / f"journal-{10**19:020d}.jsonl").write_bytes(b'{"kind":"journal"')
    driver = started(tmp_path)
    assert driver.resume_after() == (Position("lifecycle", 1, 5),)
    driver.handle(event(6))
    driver.stop()
    assert written(tmp_path) == [event(number) for number in range(1, 7)]


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_kill_amid_a_rotation_leaves_no_file_without_a_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    class Killed(BaseException):
        """What comes after it does not happen."""

    def kill(*_: object) -> None:
        raise Killed

    driver = started(tmp_path, file_mib=0.0005)
    assert driver._files is not None
    number = 0
    while not driver._files.is_full():
        driver.handle(event(number := number + 1))
    with monkeypatch.context() as patched:
        patched.setattr(Path if call == "rename" else os, call, kill)
        with pytest.raises(Killed):
            driver.handle(event(number + 1))
    driver.stop()
    again = started(tmp_path)
    assert again.resume_after() == (Position("lifecycle", 1, number),)
    again.handle(event(number + 1))
    again.stop()
    assert written(tmp_path) == [event(n) for n in range(1, number + 2)]
    assert [path.name[0] for path in tmp_path.iterdir()] == ["j"]


def test_a_line_that_is_no_text_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver = started(tmp_path)
    driver.handle(event(1))
    driver.stop()
    with journal.files(tmp_path)[-1].open("ab") as file:
        file.write(b'{"kind":"lifecycle","name":"\xff\xfe"}\n')
    driver = started(tmp_path)
    driver.handle(event(2))
    driver.stop()
    assert sequences(tmp_path) == [1, 2]
    assert main(["journal", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "passed over 1 lines that are no journal lines\n"


def test_a_full_disk_is_an_error_and_leaves_no_half_line(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    driver = started(tmp_path)
    driver.handle(event(1))
    assert driver._files is not None
    descriptor, driver._files._descriptor = driver._files._descriptor, os.open("/dev/full", 1)
    with pytest.raises(DriverError, match="can't be written: No space left on device"):
        driver.handle(event(2))
    os.close(driver._files._descriptor)
    driver._files._descriptor = descriptor
    driver.handle(event(3))
    driver.stop()
    mark = written(tmp_path)[1]
    assert isinstance(mark, GapMark)
    assert (mark.first, mark.last) == (2, 2)


def test_why_no_file_could_be_begun_is_told_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("hostmon_drivers.journal.files.time.monotonic", lambda: now[0])
    directory, aside = tmp_path / "journal", tmp_path / "aside"
    driver = started(directory, file_mib=0.0005)
    assert driver._files is not None
    number = 0
    while not driver._files.is_full():
        driver.handle(event(number := number + 1))
    directory.rename(aside)
    for _ in range(3):  # the first tries, the others are within a second
        with pytest.raises(DriverError, match="can't be written: No such file or directory"):
            driver.handle(event(number + 1))
    aside.rename(directory)
    now[0] += 1.1
    driver.handle(event(number + 2))
    driver.stop()
    mark = next(line for line in written(directory) if isinstance(line, GapMark))
    assert (mark.first, mark.last) == (number + 1, number + 1)
    assert mark.reason == "they could not be written: No such file or directory"
