"""What machines say they are, against libvirt's answers on recorded hosts."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon.machine.files import Roots
from hostmon.machine.identity import (
    LONGEST,
    MachineIdentity,
    ProcessorIdentity,
    read_machine,
    read_processors,
)
from tests.conftest import Corpus

SYSTEM = {"manufacturer", "product", "version", "serial", "family"}
PROCESSOR = {
    "socket": "socket_destination", "type": "type", "family": "family",
    "manufacturer": "manufacturer", "version": "version", "serial": "serial_number",
    "max_speed": "max_speed",
}  # fmt: skip
RECORDED = {"arm": "armv7l", "ppc": "ppc64", "s390": "s390x", "s390-freq": "s390x"}


def recorded(folder: Path, name: str, proc: Path) -> Roots:
    """A /proc of what was recorded of one host."""
    proc.mkdir()
    for kind in ("cpuinfo", "sysinfo"):
        path = folder / f"{name}{kind}.data"
        if path.exists():
            (proc / kind).write_bytes(path.read_bytes())
    return Roots(system=proc / "none", proc=proc)


def entries(element: ET.Element) -> dict[str, str]:
    return {entry.attrib["name"]: entry.text or "" for entry in element.findall("entry")}


def expected(path: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The system's entries and each processor's, as libvirt's document has them."""
    root = ET.parse(path).getroot()
    system = root.find("system")
    return {} if system is None else entries(system), [entries(e) for e in root.iter("processor")]


def shown(machine: MachineIdentity) -> dict[str, str]:
    return {name: getattr(machine, name) for name in SYSTEM if getattr(machine, name)}


def entry_of(processor: ProcessorIdentity) -> dict[str, str]:
    found = {name: getattr(processor, field) for field, name in PROCESSOR.items()}
    return {name: str(value) for name, value in found.items() if value}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_hosts(corpus: Corpus, tmp_path: Path, name: str) -> None:
    folder = corpus("cgroup-proc-sysinfo") / "sysinfodata"
    system, processors = expected(folder / f"{name}sysinfo.expect")
    roots = recorded(folder, name, tmp_path / "proc")
    if not (roots.proc / "cpuinfo").exists():
        processors = []  # its cpuinfo was not recorded
    assert shown(read_machine(roots, RECORDED[name], tmp_path / "no-dmi")) == system
    found = [entry_of(one) for one in read_processors(roots, RECORDED[name])]
    assert found == processors


def test_every_recorded_answer_is_held_against(corpus: Corpus) -> None:
    folder = corpus("cgroup-proc-sysinfo") / "sysinfodata"
    names = {path.name.removesuffix("sysinfo.expect") for path in folder.glob("*.expect")}
    assert names - {"aarch64"} == set(RECORDED)  # of that one no input is there, see below


def test_an_aarch64_host_of_which_only_the_answer_was_recorded(
    corpus: Corpus, tmp_path: Path
) -> None:
    folder = corpus("cgroup-proc-sysinfo") / "sysinfodata"
    _, processors = expected(folder / "aarch64sysinfo.expect")
    (tmp_path / "cpuinfo").write_text(
        "Processor\t: AArch64 Processor rev 0 (aarch64)\nprocessor\t: 0\nBogoMIPS\t: 100.00\n"
    )
    found = read_processors(Roots(system=tmp_path, proc=tmp_path), "aarch64")
    assert [entry_of(one) for one in found] == processors


def test_a_pc_tells_by_its_firmware(tmp_path: Path) -> None:
    for name, text in {
        "sys_vendor": "QEMU\n", "product_name": "Standard PC (Q35 + ICH9, 2009)\n",
        "product_version": "pc-q35-7.2\nmore\n", "product_family": "x" * 10_000,
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    roots = Roots(system=tmp_path, proc=tmp_path)
    assert read_machine(roots, "x86_64", tmp_path) == MachineIdentity(
        "QEMU", "Standard PC (Q35 + ICH9, 2009)", "pc-q35-7.2", "", "x" * LONGEST
    )
    assert read_processors(roots, "x86_64") == ()


@given(data=st.binary(max_size=400), arch=st.sampled_from(["s390x", "ppc64le", "armv7l", "x86_64"]))
def test_garbage_never_raises(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, arch: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "garbage"
    root.mkdir(exist_ok=True)
    for name in ("cpuinfo", "sysinfo", "sys_vendor"):
        (root / name).write_bytes(b"processor 0: version = FF,  identification = " + data)
    roots = Roots(system=root, proc=root)
    read_machine(roots, arch, root)
    read_processors(roots, arch)
