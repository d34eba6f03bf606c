"""Events between subscribing and listing, and while libvirt answers: each counts once, in time."""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import libvirt
import pytest

from hostmon.libvirt_errors import silence
from tests.agent_process import wait_for
from tests.fault.churn import change_one
from tests.fault.figures import tell
from tests.fault.proxy import Proxy
from tests.fault.stage import Stage
from tests.lab.guests import guest_xml
from tests.lab.node import Node, missing

BEFORE, CHANGES = 3, 30
"""Fewer than a comparison of the stage's guests has calls and replies."""

DOOMED = 3
"""Guests that run until a change ends them for good."""

HELD_S = 60.0
"""A comparison takes as long as the changes that it is held for: a start is one of them."""


class Meddler:
    """Changes guests at random, each time it is called; begins lives, and ends some for good.

    What has ended must not come back by an answer that libvirt gave before. A libvirtd that dies
    amid a change leaves it undone; ``fatal``: the change that is its death.
    """

    def __init__(self, stage: Stage, seed: int, fatal: int | None = None) -> None:
        self._connection = libvirt.open(stage.node.uri)
        self._node = stage.node
        self._guests = stage.guests
        self._chance = random.Random(seed)
        self._number = 0
        self._fatal = fatal
        self._lock = threading.Lock()
        self._closed = False
        self._doomed = [self._doom(f"listed{seed}doomed{number}") for number in range(DOOMED)]

    def _doom(self, suffix: str) -> str:
        name = self._node.name(suffix)
        self._connection.defineXML(guest_xml(self._node, name, idle=True)).create()
        return name

    def __call__(self) -> None:
        """One change, from whichever thread."""
        with self._lock:
            if self._closed:
                return
            try:
                self._change()
            except libvirt.libvirtError:
                if self._connection.isAlive():
                    raise
                self._connection = connected(self._node)

    def _change(self) -> None:
        if self._fatal is not None:
            self._fatal -= 1
            if self._fatal == 0:
                os.kill(self._node.libvirtd_pid, signal.SIGSEGV)
        guest = self._connection.lookupByName(self._chance.choice(self._guests))
        choice = self._chance.randrange(7)
        if choice == 0 and not guest.isActive():
            xml = guest.XMLDesc(0)
            guest.undefine()
            self._connection.defineXML(xml)
        elif choice == 1:
            self._number += 1
            xml = guest_xml(self._node, self._node.name(f"listed{self._number}"))
            made = self._connection.defineXML(xml)
            if self._chance.randrange(2):
                made.undefine()
        elif choice == 6 and self._doomed:
            ended = self._connection.lookupByName(self._doomed.pop())
            if ended.isActive():  # a libvirtd that was started again may have given it up
                ended.destroy()
            ended.undefine()
        else:
            change_one(guest, stop=choice == 2)

    def close(self) -> None:
        """End what it made; a change that is still asked for is none."""
        with self._lock:
            self._closed = True
            if not self._connection.isAlive():
                self._connection = connected(self._node)
            for guest in self._connection.listAllDomains():
                if "listed" in guest.name():
                    if guest.isActive():
                        guest.destroy()
                    guest.undefine()
            self._connection.close()


def connected(node: Node) -> libvirt.virConnect:
    """A connection to a libvirtd that is being started again."""
    made: list[libvirt.virConnect] = []

    def opened() -> bool:
        with contextlib.suppress(libvirt.libvirtError):
            made.append(libvirt.open(node.uri))
        return bool(made)

    wait_for(opened, 60)
    return made[0]


@contextmanager
def revived(node: Node) -> Iterator[list[float]]:
    """Start libvirtd again whenever it has died, as a host's init does; yields when, in seconds.

    9.0.0 now and then follows a bad pointer when a client ends amid registering its callbacks.
    """
    again: list[float] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            if node.libvirtd_died():
                again.append(time.monotonic())
                node.start_libvirtd()

    thread = threading.Thread(target=watch, name="init")
    thread.start()
    try:
        yield again
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def meddled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Proxy]]:
    """A stage whose agent reaches libvirtd through a proxy."""
    if reason := missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("meddled")
    proxies: list[Proxy] = []

    with ExitStack() as stack:

        def through_proxy(node: Node) -> Path:
            proxy = Proxy(directory / "libvirt.sock", node.socket_readonly)
            proxies.append(stack.enter_context(proxy))
            return proxy.path

        stage = stack.enter_context(Stage.create(directory, guests=6, socket=through_proxy))
        stage.explained_s = HELD_S
        yield stage, proxies[0]


@pytest.mark.fault("listing-raced")
@pytest.mark.timeout(600)
def test_guests_change_between_subscribe_and_list_and_during_it(
    meddled: tuple[Stage, Proxy], *, full: bool
) -> None:
    stage, proxy = meddled
    stage.active(4)

    outcome = stage.survive(lambda stage: meddle(stage, proxy, 50 if full else 2))
    tell("listing-raced", **outcome.figures())
    assert int(outcome.own["changes_amid_listing"]) >= 2 * CHANGES
    assert outcome.connections == ["down", "up"] * (len(outcome.connections) // 2)


@pytest.mark.fault("listing-died")
@pytest.mark.timeout(600)
def test_libvirtd_dies_while_guests_are_listed(meddled: tuple[Stage, Proxy], *, full: bool) -> None:
    stage, proxy = meddled
    stage.active(4)
    rounds = 5 if full else 1
    outcome = stage.survive(lambda stage: meddle(stage, proxy, rounds, fatal=CHANGES // 2))
    tell("listing-died", **outcome.figures())
    assert int(outcome.own["libvirtd_died"]) >= rounds
    assert outcome.connections == ["down", "up"] * (len(outcome.connections) // 2)


def meddle(stage: Stage, proxy: Proxy, rounds: int, fatal: int | None = None) -> Mapping[str, int]:
    """Cut the agent off, and change guests while it lists them anew; so many times."""
    silence()
    changed = 0
    with revived(stage.node) as again:
        for seed in range(rounds):
            meddler = Meddler(stage, seed, fatal)
            proxy.arm(meddler, CHANGES)
            proxy.cut()
            for _ in range(BEFORE):  # so that there is a difference to find as well
                meddler()
            wait_for(lambda: proxy.spent, 60)
            stage.fence()
            changed += proxy.meddled
            meddler.close()
        return {"changes_amid_listing": changed, "libvirtd_died": len(again)}


def test_an_agent_is_ready_once_it_has_compared_and_told(meddled: tuple[Stage, Proxy]) -> None:
    stage, proxy = meddled
    released = threading.Event()
    proxy.arm(lambda: released.wait(30), 1)
    proxy.cut()
    wait_for(lambda: stage.agent.ask("status")["connection"] == "up" and proxy.spent)
    status, why, _ = stage.agent.fetch("readyz")
    assert (status, why) == (503, b"libvirt is asked for every guest; not yet done\n")
    released.set()
    wait_for(lambda: stage.agent.fetch("readyz")[0] == 200)
    assert not stage.disagreement()
    assert {guest["presence"] for guest in stage.agent.ask("guests")} == {"present"}
