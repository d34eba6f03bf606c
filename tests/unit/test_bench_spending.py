"""What QEMU uses for libvirtd is told from what it uses for its guest; what ended still counts."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench.inside import spending
from bench.inside.spending import Emulator, Spending, Whole

STEP = 0.05


def test_qemu_counts_while_libvirtd_runs_and_just_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 ms a step are the guests' own; libvirtd runs in every tenth, which costs QEMU 5 and 3."""
    used = dict.fromkeys(spending.PARTS, 0.0)
    monkeypatch.setattr(spending, "watched", lambda _but: iter(()))
    monkeypatch.setattr(Spending, "_used", lambda _self: dict(used))
    spent = Spending(os.getpid())
    for step in range(100):
        used["qemu"] += 0.002
        used["exporter"] += 0.0001
        if step % 10 == 3:
            used["libvirtd"] += 0.001
            used["qemu"] += 0.005
        if step % 10 == 4:
            used["qemu"] += 0.003
        spent.look(STEP)
    assert spent.spent() == pytest.approx({"libvirtd": 0.01, "qemu": 0.08, "exporter": 0.01})


def test_threads_that_have_ended_are_counted() -> None:
    seen = Whole(Path(f"/proc/{os.getpid()}"))
    before = seen.used_ns()

    def work() -> None:
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert seen.used_ns() - before > 50e6


def test_of_an_emulator_all_but_its_vcpus_is_counted() -> None:
    seen = Emulator(Path("/proc/self"))
    before = seen.used_ns()
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        pass
    assert seen.used_ns() - before > 45e6
    seen.close()


@pytest.mark.parametrize("kind", [Whole, Emulator])
def test_a_process_that_ended_keeps_what_it_used(kind: type[Whole | Emulator]) -> None:
    burn = "import time\nwhile time.process_time() < 0.05: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        seen = kind(Path(f"/proc/{child.pid}"))
        assert child.stdout
        child.stdout.readline()
        used = seen.used_ns()
        assert used > 30e6
        child.communicate(b"\n")
    assert seen.used_ns() == used
