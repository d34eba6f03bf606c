"""qcow2 headers: those that qemu-img writes, and those that an attacker would."""

import contextlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon.errors import ImageError
from hostmon.images.qcow2 import HEADER_BYTES, Header, parse


def header(
    version: int = 3,
    name_at: int = 0,
    name_size: int = 0,
    bits: int = 16,
    virtual: int = 1 << 30,
    features: int = 0,
    length: int = 104,
    rest: bytes = b"",
) -> bytes:
    start = struct.pack(">4sIQIIQ", b"QFI\xfb", version, name_at, name_size, bits, virtual)
    body = start.ljust(72, b"\0") + struct.pack(">QQQII", features, 0, 0, 4, length)
    return body + rest


def test_plain_header() -> None:
    assert parse(header()) == Header(version=3, virtual=1 << 30, cluster=1 << 16)
    assert parse(header(version=2)[:72]).version == 2


def test_backing_file_and_its_format() -> None:
    extension = struct.pack(">II", 0xE2792ACA, 5) + b"qcow2\0\0\0" + struct.pack(">II", 0, 0)
    at = 104 + len(extension)
    got = parse(header(name_at=at, name_size=8, rest=extension + b"base.img"))
    assert (got.backing_file, got.backing_format) == ("base.img", "qcow2")


def test_data_in_another_file() -> None:
    assert parse(header(features=1 << 2)).external_data
    assert not parse(header(features=1 << 1)).external_data
    named = struct.pack(">II", 0x44415441, 5) + b"d.raw\0\0\0" + struct.pack(">II", 0, 0)
    assert parse(header(features=1 << 2, rest=named)).data_file == "d.raw"
    assert parse(header(features=1 << 2, rest=named[:12])).data_file is None
    assert parse(header(features=1 << 2)).data_file is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"QFI\xfb",
        header()[:71],
        header()[:103],
        b"X" + header()[1:],
        header(version=1),
        header(version=4),
        header(bits=8),
        header(bits=22),
        header(bits=0xFFFFFFFF),
        header(virtual=1 << 63),
        header(name_at=1 << 40, name_size=8),
        header(name_at=104, name_size=1024, rest=b"x" * 2000),
        header(name_at=104, name_size=9, rest=b"x"),
        header(name_at=104, name_size=3, rest=b"a\0b"),
        header(name_at=600, name_size=8, bits=9, rest=b"x" * 900),
    ],
)
def test_hostile_headers_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        parse(data)


@given(st.binary(max_size=400))
def test_any_bytes_after_a_magic(data: bytes) -> None:
    try:
        got = parse(b"QFI\xfb\0\0\0\x03" + data)
    except ImageError:
        return
    assert 0 <= got.virtual < 1 << 63


@given(st.integers(0, 103), st.integers(0, 255), st.binary(max_size=64))
def test_mutated_header(at: int, value: int, rest: bytes) -> None:
    data = bytearray(header(name_at=104, name_size=min(len(rest), 8), rest=rest))
    data[at] = value
    with contextlib.suppress(ImageError):
        assert parse(bytes(data)).virtual < 1 << 63


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_what_qemu_img_writes(tmp_path: Path, compat: str) -> None:
    options = f"compat={compat},cluster_size=128k"
    base, top = tmp_path / "base.qcow2", tmp_path / "top.qcow2"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options]
    subprocess.run([*create, base, "3G"], check=True)
    subprocess.run([*create, "-b", "base.qcow2", "-F", "qcow2", top, "5G"], check=True)
    assert parse(base.read_bytes()[:HEADER_BYTES]).virtual == 3 << 30
    got = parse(top.read_bytes()[:HEADER_BYTES])
    assert got == Header(
        3 if compat == "1.1" else 2, 5 << 30, 128 << 10, "base.qcow2", "qcow2", False
    )
