"""Faults of guests: QEMUs that do not answer, and a disk that nobody can open."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import libvirt

from tests.fault.figures import Value
from tests.fault.registry import fault
from tests.fault.stage import Stage
from tests.lab.guests import guest_xml
from tests.lab.inside import Inside
from tests.lab.node import wait_for

ROUNDS = 10
SEEN_S = 2.0
"""An event of a healthy guest is with its subscriber within so long, whatever others do."""


@contextmanager
def stopped(stage: Stage, guests: Sequence[str]) -> Iterator[list[int]]:
    """Their QEMUs keep everything and answer nothing; those that live go on at the end."""
    pids = [stage.node.qemu_pid(guest) for guest in guests]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield pids
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def waiting(stage: Stage, *commands: str) -> Iterator[list[Inside]]:
    """Clients of libvirtd with one virsh command each, waited for at the end."""
    clients = [
        stage.node.popen(
            "virsh", "-c", "qemu:///system", command,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]  # fmt: skip
    try:
        yield clients
    finally:
        for client in clients:
            try:
                client.wait(60)
            except subprocess.TimeoutExpired:
                client.kill()
                client.wait(10)
                raise


def seen_meanwhile(stage: Stage, healthy: str, seconds: float) -> float:
    """A healthy guest changes for so long; the longest that an event took to be seen."""
    slowest = 0.0
    connection = libvirt.open(stage.node.uri)
    guest = connection.lookupByName(healthy)
    end = time.monotonic() + seconds
    rounds = 0
    while rounds < ROUNDS or time.monotonic() < end:
        rounds += 1
        state = guest.state()[0]
        event, detail = ("resumed", "unpaused")
        if state == libvirt.VIR_DOMAIN_RUNNING:
            event, detail = ("suspended", "paused")
        had = stage.bus.count(("lifecycle", healthy, event, detail))
        began = time.monotonic()
        guest.suspend() if event == "suspended" else guest.resume()
        wait_for(
            lambda: stage.bus.count(("lifecycle", healthy, event, detail)) > had,  # noqa: B023
            f"{event} of {healthy} while others are stuck",
            SEEN_S,
        )
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(min(0.2, seconds / ROUNDS))
    connection.close()
    return slowest


@fault("qemu-stopped", quick={"seconds": 1}, full={"seconds": 30}, soak={"seconds": 3})
def stop_a_qemu(stage: Stage, *, seconds: float) -> Mapping[str, Value]:
    """One guest's monitor hangs, with a client waiting on it."""
    return stop_qemus(stage, count=1, seconds=seconds)


@fault(
    "qemus-stopped",
    quick={"count": 4, "seconds": 1},
    full={"count": 25, "seconds": 30},
    soak={"count": 4, "seconds": 3},
)
def stop_qemus(stage: Stage, *, count: int, seconds: float) -> Mapping[str, Value]:
    """Many guests' monitors hang, with a client waiting on each."""
    *victims, healthy = stage.active(count + 1)
    asks = [f"dommemstat {victim}" for victim in victims]
    with waiting(stage, *asks), stopped(stage, victims):
        slowest = seen_meanwhile(stage, healthy, seconds)
    return {"stuck": len(victims), "others_seen_within_s": slowest}


@fault("stuck-qemu-killed", soak={})
def kill_a_stuck_qemu(stage: Stage) -> Mapping[str, Value]:
    """A guest hangs, a client waits for it, and it dies by SIGKILL."""
    victim, healthy = stage.active(2)
    with waiting(stage, f"dommemstat {victim}"), stopped(stage, [victim]) as pids:
        slowest = seen_meanwhile(stage, healthy, 0.5)
        os.kill(pids[0], signal.SIGKILL)
        began = time.monotonic()
        wait_for(lambda: stage.bus.guests()[victim].state == "shutoff", f"the end of {victim}", 20)
    return {
        "victim": victim,
        "end_seen_within_s": time.monotonic() - began,
        "others_seen_within_s": slowest,
    }


@fault("fifo-disk", quick={"seconds": 1}, full={"seconds": 30}, soak={"seconds": 3})
def hang_on_a_fifo(stage: Stage, *, seconds: float) -> Mapping[str, Value]:
    """A client asks of an inactive guest whose image is a FIFO: libvirtd hangs in opening it."""
    healthy = stage.active(1)[0]
    name = stage.node.name("fifo")
    fifo = stage.node.root / "lib/fifo.img"
    os.mkfifo(fifo)
    fifo.chmod(0o666)
    disk = (
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        "<source file='/var/lib/libvirt/fifo.img'/><target dev='vda' bus='virtio'/></disk>"
    )
    connection = libvirt.open(stage.node.uri)
    connection.defineXML(guest_xml(stage.node, name, devices=disk))
    connection.close()
    wait_for(lambda: name in stage.bus.guests(), f"{name} in the view")
    with waiting(stage, f"domblkinfo {name} vda") as clients:
        slowest = seen_meanwhile(stage, healthy, seconds)
        assert clients[0].poll() is None, "no client hangs: the FIFO was not opened"
        release(clients[0], os.fspath(fifo))
    stage.node.virsh("undefine", name)
    fifo.unlink()
    return {"hung_s": seconds, "others_seen_within_s": slowest}


def release(client: Inside, fifo: str) -> None:
    """Let whoever waits in opening the FIFO go on: it reads nothing, and an end."""

    def ended() -> bool:
        with contextlib.suppress(OSError):  # ENXIO: nobody waits for a writer now
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        return client.poll() is not None

    wait_for(ended, "the client's answer once the FIFO has a writer", 30)


@fault("slow-start", quick={"seconds": 1.5}, full={"seconds": 10}, soak={"seconds": 3})
def start_slowly(stage: Stage, *, seconds: float) -> Mapping[str, Value]:
    """A guest's start takes seconds, half-way between its states; then its end does."""
    victim = stage.active(1)[0]
    for operation, phase in (("destroy", "stopped"), ("start", "start"), ("destroy", "release")):
        slow = stage.node.root / f"run/slow-{phase}"
        slow.write_text(str(seconds))
        began = time.monotonic()
        stage.node.virsh(operation, victim)
        assert time.monotonic() - began >= seconds, f"libvirt did not wait in {phase}"
        slow.unlink()
    return {"victim": victim, "half_way_s": seconds}
