"""Events between subscribing and listing, and while libvirt answers: each counts once, in time."""

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import libvirt
import pytest

from tests.agent_process import wait_for
from tests.fault.churn import change_one
from tests.fault.figures import Value, tell
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

    What has ended must not come back by an answer that libvirt gave before.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self._connection = libvirt.open(stage.node.uri)
        self._node = stage.node
        self._guests = stage.guests
        self._chance = random.Random(seed)
        self._number = 0
        self._lock = threading.Lock()
        self._closed = False
        self._doomed = [self._doom(f"listed{seed}doomed{number}") for number in range(DOOMED)]

    def _doom(self, name: str) -> libvirt.virDomain:
        xml = guest_xml(self._node, self._node.name(name), idle=True)
        made = self._connection.defineXML(xml)
        made.create()
        return made

    def __call__(self) -> None:
        """One change, from whichever thread."""
        with self._lock:
            if not self._closed:
                self._change()

    def _change(self) -> None:
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
            ended = self._doomed.pop()
            ended.destroy()
            ended.undefine()
        else:
            change_one(guest, stop=choice == 2)

    def close(self) -> None:
        """End what it made; a change that is still asked for is none."""
        with self._lock:
            self._closed = True
            for guest in self._connection.listAllDomains():
                if "listed" in guest.name():
                    if guest.isActive():
                        guest.destroy()
                    guest.undefine()
            self._connection.close()


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

    def inject(stage: Stage) -> Mapping[str, Value]:
        changed = 0
        for seed in range(50 if full else 2):
            meddler = Meddler(stage, seed)
            proxy.arm(meddler, CHANGES)
            proxy.cut()
            for _ in range(BEFORE):  # so that there is a difference to find as well
                meddler()
            wait_for(lambda: proxy.spent, 60)
            stage.fence()
            changed += proxy.meddled
            meddler.close()
        return {"changes_amid_listing": changed}

    outcome = stage.survive(inject)
    tell("listing-raced", **outcome.figures())
    assert int(outcome.own["changes_amid_listing"]) >= 2 * CHANGES
    assert outcome.connections == ["down", "up"] * (len(outcome.connections) // 2)


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
