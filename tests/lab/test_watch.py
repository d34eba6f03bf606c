"""``hostmon watch`` beside virsh: each operation is a line with its kind, detail and guest."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_process import HOSTMON, AgentProcess, agent, wait_for
from tests.lab.guests import define, guest_xml, start
from tests.lab.linux import boot, system
from tests.lab.node import Node

GUESTS = 20


class Watch:
    """``hostmon watch`` in a process of its own, and the lines it printed."""

    def __init__(self, running: AgentProcess) -> None:
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [*HOSTMON, "watch", "--events", running.events, "--requests", running.requests],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    def shown(self, first: int, *words: str) -> str:
        """The first line from number ``first`` on that has all these words."""
        for line in self.lines[first:]:
            if set(words) <= set(line.replace("=", " ").split()):
                return line
        return ""

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)
        self._reader.join()
        assert self._process.stdout
        self._process.stdout.close()


@pytest.fixture
def watched(module_node: Node, tmp_path: Path) -> Iterator[tuple[Node, str, Watch]]:
    """A node with 20 real guests, one with an operating system, and a watch on its agent."""
    try:
        system()
    except RuntimeError as error:
        pytest.skip(str(error))
    guest = boot(module_node, "linux", deadline_s=200)
    start(module_node, define(module_node, GUESTS - 1, idle=True))
    with (
        agent(tmp_path, ("--uri", module_node.uri_readonly)) as running,
        contextlib.closing(Watch(running)) as watch,
    ):
        wait_for(lambda: sum(g["vcpus"] > 0 for g in running.ask("guests")) == GUESTS)
        # Joined: an operation that nobody asks about below arrives.
        probe = module_node.name("0000")

        def joined() -> str:
            module_node.virsh("suspend", probe)
            module_node.virsh("resume", probe)
            return watch.shown(0, probe, "resumed")

        wait_for(joined, 20)
        yield module_node, guest, watch


@pytest.mark.timeout(400)
def test_each_operation_is_a_line(watched: tuple[Node, str, Watch]) -> None:
    node, guest, watch = watched
    new = node.name("new")
    (node.root / "run/new.xml").write_text(guest_xml(node, new))
    image = node.root / "run/disk.img"
    image.touch()
    os.truncate(image, 1 << 20)
    image.chmod(0o666)
    (node.root / "run/disk.xml").write_text(
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        "<source file='/run/disk.img'/><target dev='vdz' bus='virtio'/></disk>"
    )
    for operation, *words in (
        (("suspend", guest), guest, "lifecycle", "suspended", "paused"),
        (("resume", guest), guest, "lifecycle", "resumed", "unpaused"),
        (("setmem", guest, "96M", "--live"), guest, "balloon-change", str(96 << 20)),
        (("attach-device", guest, "/run/disk.xml"), guest, "device-added", "virtio-disk25"),
        (("detach-device", guest, "/run/disk.xml"), guest, "device-removed", "virtio-disk25"),
        (("destroy", guest), guest, "lifecycle", "stopped", "destroyed"),
        (("start", guest), guest, "lifecycle", "started", "booted"),
        (("define", "/run/new.xml"), new, "lifecycle", "defined", "added"),
        (("undefine", new), new, "lifecycle", "undefined", "removed"),
    ):
        before = len(watch.lines)
        node.virsh(*operation)
        wait_for(lambda: watch.shown(before, *words), 60)  # noqa: B023  # called at once
        print(f"virsh {' '.join(operation)}: {watch.shown(before, *words)}")
