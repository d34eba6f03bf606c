"""A node is a real host, isolated from the machine's, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import libvirt
import pytest

from tests.lab import cgroups, guests
from tests.lab.conftest import MakeNode
from tests.lab.node import Node, wait_for


def traces(node: Node) -> list[str]:
    """Whatever of a node the machine still shows."""
    left = [str(path) for path in cgroups.belonging(node.prefix)]
    left += [f"mount {line}" for line in Path("/proc/self/mountinfo").read_text().splitlines()
             if node.prefix in line]  # fmt: skip
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_text(errors="replace")
            except OSError:
                continue
            if node.prefix in command:
                left.append(f"process {entry.name} {command}")
    return left + ([str(node.root)] if node.root.exists() else [])


@pytest.fixture(autouse=True)
def _quiet_libvirt() -> None:
    libvirt.registerErrorHandler(lambda *_: None, None)


def test_guests_run_and_both_sockets_answer(module_node: Node) -> None:
    names = guests.define_and_start(module_node, 2)
    connection = libvirt.openReadOnly(module_node.uri_readonly)
    try:
        states = {guest.name(): guest.isActive() for guest in connection.listAllDomains()}
    finally:
        connection.close()
    assert dict.fromkeys(names, 1).items() <= states.items()
    assert sorted(module_node.virsh("list", "--name").split()) == names
    assert f"-name\0guest={names[0]}" in Path(
        f"/proc/{module_node.qemu_pid(names[0])}/cmdline"
    ).read_text(errors="replace")


def test_the_machines_libvirtd_does_not_see_them(make_node: MakeNode) -> None:
    one, other = make_node(), make_node()
    (name,) = guests.define(one, 1)
    assert one.virsh("list", "--all", "--name") == name
    assert other.virsh("list", "--all", "--name") == ""
    assert one.run("hostname").stdout.strip() == one.prefix
    assert one.run("ls", "/sys/class/net").stdout.split() == ["lo"]


def test_what_one_node_found_out_about_qemu_the_next_knows(make_node: MakeNode) -> None:
    with make_node() as first:
        first.virsh("domcapabilities")
    second = make_node()

    def known() -> dict[str, float]:
        folder = second.root / "cache/qemu/capabilities"
        return {path.name: path.stat().st_mtime for path in folder.glob("*.xml")}

    before = known()
    assert before
    second.virsh("domcapabilities")
    assert known() == before


def test_libvirtd_is_killed_and_started_again(node: Node) -> None:
    (name,) = guests.define_and_start(node, 1, paused=True)
    before = node.libvirtd_pid
    node.restart_libvirtd()
    assert node.libvirtd_pid != before
    assert node.virsh("domstate", name) == "paused"


def test_a_guest_dies_at_once_where_init_reaps(node: Node) -> None:
    (name,) = guests.define_and_start(node, 1)
    os.kill(node.qemu_pid(name), signal.SIGKILL)
    wait_for(lambda: node.virsh("domstate", name) == "shut off", "the guest is off", 5)


def test_signals_reach_the_process_itself(node: Node) -> None:
    script = "trap 'echo got it; exit 7' TERM; echo on; while :; do sleep 0.01; done"
    process = node.popen("sh", "-c", script, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "on\n"
    process.terminate()
    assert process.stdout.read() == "got it\n"
    assert process.wait(5) == 7


def test_closing_leaves_nothing_behind(make_node: MakeNode) -> None:
    with make_node() as node:
        guests.define_and_start(node, 3)
        node.popen("sleep", "1000")
        assert traces(node), "looks in the wrong places"
    assert traces(node) == []


def test_a_killed_test_leaves_nothing_behind(tmp_path: Path) -> None:
    script = (
        "from tests.lab.node import Node; from tests.lab import guests; import os, signal\n"
        "node = Node.create(); guests.define_and_start(node, 1)\n"
        "print(node.prefix, node.root, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL, result.stderr
    prefix, root = result.stdout.split()
    ghost = Node.__new__(Node)
    ghost.prefix, ghost.root = prefix, Path(root)
    wait_for(lambda: not traces(ghost), "everything is gone", 10)


def test_an_idle_guest_runs_and_takes_no_cpu(node: Node) -> None:
    (name,) = guests.define_and_start(node, 1, idle=True)
    stat = Path(f"/proc/{node.qemu_pid(name)}/stat")

    def ticks() -> int:
        return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13]))

    def still() -> bool:
        before = ticks()
        node.virsh("domstate", name)
        node.run("sleep", "0.5")
        return ticks() - before <= 2

    wait_for(still, "the guest halts", 10)
    assert node.virsh("domstate", name) == "running"
