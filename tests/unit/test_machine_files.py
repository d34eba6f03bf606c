"""Small files of the kernel's: read whole, however many reads that takes, and never raising."""

from pathlib import Path

import pytest

from hostmon.machine import files
from hostmon.machine.files import AT_ONCE, read_int, read_text


@pytest.mark.parametrize("size", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 7])
def test_a_file_is_read_whole(tmp_path: Path, size: int) -> None:
    text = "".join(chr(ord("a") + i % 23) for i in range(size))
    (tmp_path / "file").write_text(text)
    assert read_text(tmp_path / "file") == text


def test_what_is_beyond_the_limit_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILE", AT_ONCE + 5)
    (tmp_path / "file").write_text("x" * 2 * AT_ONCE)
    assert read_text(tmp_path / "file") == "x" * (AT_ONCE + 5)


def test_a_character_that_two_reads_share_is_one(tmp_path: Path) -> None:
    text = "x" * (AT_ONCE - 1) + "ü"
    (tmp_path / "file").write_text(text)
    assert read_text(tmp_path / "file") == text


def test_what_is_not_utf_8_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a\xffb")
    assert read_text(tmp_path / "file") == "a\ufffdb"


@pytest.mark.parametrize("name", ["missing", "folder", "nul\0"])
def test_what_is_no_file_has_no_text(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert read_text(tmp_path / name) is None
    assert read_int(tmp_path / name) is None


def test_what_fails_while_it_is_read_has_no_text() -> None:
    assert read_text(Path("/proc/self/mem")) is None
