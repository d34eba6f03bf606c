"""The bus's gate: who may connect, how many, and what becomes of those who may no longer.

Owns the ZeroMQ context of the agent's bus and, in one thread, the answers to libzmq's question
whether a key is allowed (ZAP, RFC 27), and the count of connections. Ends what is too many, and has
the sockets opened anew when a key is revoked.
"""

import logging
import os
import resource
import socket
import sys
import threading
import time
from collections import deque
from fcntl import F_DUPFD_CLOEXEC, fcntl
from os import close
from pathlib import Path
from typing import Protocol

import zmq
from zmq.utils.monitor import parse_monitor_message
from zmq.utils.z85 import encode

from hostmon import keys
from hostmon.door import ReadyThread
from hostmon.errors import SettingsError
from hostmon.memory import Growth
from hostmon.publisher import HANDSHAKE, ZAP_DOMAIN, Monitors
from hostmon.stalled import Waiting
from hostmon.status import DoorStatus, GateStatus

log = logging.getLogger(__name__)

ZAP_ADDRESS = "inproc://zeromq.zap.01"
LOOK_EVERY = 1.0
NOBODY_S = 60.0  # between two looks while nobody is connected: whoever comes is told of
LOOK_AGAIN, AGAIN_S = 0.1, 3.0  # while doors open anew: whoever was connected comes back
KEYS_EVERY = 1.0
HANDSHAKE_OVER = HANDSHAKE / 1000 + 0.5
MOST_PEERS = 1024
# libzmq keeps the frames of a message until its last one has come, however many, and tells of none.
MOST_GROWTH = 512 << 20
WEIGH_EVERY = 0.5
QUESTIONS = 256  # of libzmq, answered at a turn
# libzmq ends the process when accept() of an ipc socket finds no descriptor left. It stands still
# when 1,001 connections were not taken from a door's monitor: that many may come at once.
RESERVE = 2100
FEWEST_DESCRIPTORS = 4096


class Door(Protocol):
    """A part of the agent that owns a bound socket; told from the gate's thread."""

    name: str
    monitors: Monitors

    def owns(self, fd: int) -> bool:
        """Whether a descriptor is a connection to this door."""

    def reopen(self) -> None:
        """End every connection, and listen."""


class Census:
    """Connections of one door, by what its socket tells."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.peers = 0
        self.failed = 0
        self._young: deque[float] = deque()  # when those that have not shaken hands came
        self.waiting = Waiting()
        self.accepted: list[int] = []
        self._ending: set[int] = set()  # ended by us; the socket has yet to tell of it
        self.heard: zmq.Socket[bytes] | None = None

    def take(self, readable: bool) -> None:
        """Count what has been told since; ``accepted`` are the descriptors that are new."""
        self.accepted = []
        while not self.door.monitors.empty():
            self.close()
            self.heard, self.peers, readable = self.door.monitors.get(), 0, True
            self._young.clear()
            self._ending.clear()
            self.waiting = Waiting()
        while readable and self.heard is not None and self.heard.poll(0):
            told = parse_monitor_message(self.heard.recv_multipart())
            event = told["event"]
            if event in {zmq.EVENT_ACCEPTED, zmq.EVENT_DISCONNECTED}:
                self._ending.discard(told["value"])
            if event == zmq.EVENT_ACCEPTED:
                self.peers += 1
                self.accepted.append(told["value"])
                self._young.append(time.monotonic())
                self.waiting.add(told["value"])
            elif event == zmq.EVENT_DISCONNECTED:
                self.peers = max(0, self.peers - 1)
                self.waiting.remove(told["value"])
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED and self._young:
                self._young.popleft()
        # libzmq tells of no failure where not even the protocol was spoken. Which connection has
        # shaken hands it does not tell either; how many of those that should have by now, it does.
        while self._young and time.monotonic() - self._young[0] > HANDSHAKE_OVER:
            self._young.popleft()
            self.failed += 1

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing but what the socket tells of: nobody is here, or about to be."""
        return self.heard is not None and not self.peers and not self._young

    @property
    def staying(self) -> int:
        """Connections but those that are being ended."""
        return self.peers - len(self._ending)

    def end(self, fd: int) -> bool:
        """End a connection; whether it was one of this door's."""
        if not self.door.owns(fd):
            return False
        end(fd)
        self._ending.add(fd)
        return True

    def close(self) -> None:
        """Hear no more."""
        if self.heard is not None:
            self.heard.close(0)
            self.heard = None


class Gate(ReadyThread):
    """Guards the doors that were given to it; ``folder`` holds the keys, None without."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        most_peers: int = MOST_PEERS,
        most_growth: int = MOST_GROWTH,
    ) -> None:
        super().__init__("gate")
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.denied = 0
        self.crowded_out = 0
        self.stalled = 0
        self.overgrown = 0
        self._folder = folder
        self._growth = Growth(most_growth)
        self._most_peers = most_peers
        self._allowed = None if folder is None else keys.AllowedKeys(folder)
        self._due = self._calm = self._weighed = 0.0
        self._censuses: list[Census] = []
        self._stop = threading.Event()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poller = zmq.Poller()
        self._heard: list[zmq.Socket[bytes] | None] = []

    def guard(self, *doors: Door) -> None:
        """Count who comes to these; before :meth:`start`."""
        self._censuses = [Census(door) for door in doors]

    def start(self) -> None:
        """Answer; raises SettingsError where the keys are not safe, or descriptors too few."""
        allow_descriptors()
        if self._folder is not None:
            keys.check_folder(self._folder)
        super().start()

    def stop(self) -> None:
        """End, once the doors are closed."""
        self._stop.set()
        os.eventfd_write(self._wake, 1)
        if self._thread.is_alive():
            self._thread.join(1)

    def may(self, key: str) -> bool:
        """Whether a client's key, in Z85, is allowed now."""
        return self._allowed is not None and key in self._allowed

    def status(self) -> GateStatus:
        """Who is connected, and who was not let in."""
        return GateStatus(
            doors=tuple(
                DoorStatus(name=one.door.name, peers=one.peers, failed=one.failed)
                for one in self._censuses
            ),
            denied=self.denied,
            crowded_out=self.crowded_out,
            stalled=self.stalled,
            overgrown=self.overgrown,
            keys=len(self._allowed or ()),
            unusable_keys=self._allowed.wrong if self._allowed is not None else 0,
        )

    def _work(self) -> None:
        with self.context, self.context.socket(zmq.REP) as zap:
            zap.linger = 0
            zap.bind(ZAP_ADDRESS)
            self._look_at_keys()
            self._ready.set()
            while not self._stop.is_set():
                self._turn(zap)
            for census in self._censuses:
                census.take(True)
                census.close()

    def _turn(self, zap: zmq.Socket[bytes]) -> None:
        """Answer who asks; look around. A failure costs a turn, never the gate."""
        try:
            readable = dict(self._waiting_for(zap).poll(int(self._pause() * 1000)))
            for _ in range(QUESTIONS):  # those who wait to be let in have 2 s
                if not zap.poll(0):
                    break
                zap.send_multipart(self.judge(zap.recv_multipart()))
            for census in self._censuses:
                census.take(census.heard in readable)
                self._bound(census)
                self._end_stalled(census)
            self._weigh()
            if time.monotonic() >= self._due:
                self._look_at_keys()
        except (OSError, zmq.ZMQError):
            log.exception("the gate failed")

    def _waiting_for(self, zap: zmq.Socket[bytes]) -> zmq.Poller:
        """What waits for all that can tell the gate something."""
        heard = [one.heard for one in self._censuses]
        if heard != self._heard:
            self._heard, self._poller = heard, zmq.Poller()
        if not self._poller.sockets:
            for one in (zap, self._wake, *filter(None, heard)):
                self._poller.register(one, zmq.POLLIN)
        return self._poller

    def _pause(self) -> float:
        """Seconds until the gate has to look, whoever comes."""
        now = time.monotonic()
        if now < self._calm:
            return LOOK_AGAIN
        if self._folder:
            return max(0.0, min(LOOK_EVERY, self._due - now))
        return NOBODY_S if all(one.is_quiet for one in self._censuses) else LOOK_EVERY

    def judge(self, asked: list[bytes]) -> list[bytes]:
        """The answer to one question of libzmq's; whoever is not known to be allowed is not."""
        _, number, domain, _, _, mechanism, *credentials = [*asked, *[b""] * 6]
        if domain == ZAP_DOMAIN and mechanism == b"NULL":
            # ipc, or no keys at all: where there are keys libzmq has refused all but CURVE by now.
            return [b"1.0", number, b"200", b"OK", b"", b""]
        key = ""
        if domain == ZAP_DOMAIN and mechanism == b"CURVE" and len(credentials[0]) == 32:
            key = encode(credentials[0]).decode()
        if key and self.may(key):
            return [b"1.0", number, b"200", b"OK", key.encode(), b""]
        self.denied += 1
        # "Temporary": a client that is told 400 never tries again, and its key may yet be allowed.
        return [b"1.0", number, b"300", b"not allowed", b"", b""]

    def _look_at_keys(self) -> None:
        """Follow the folder of keys; a key that is gone ends every connection made with it."""
        self._due = time.monotonic() + KEYS_EVERY
        if self._allowed is None:
            return
        gone = self._allowed.read()
        if gone:
            log.info("keys revoked: %s; every connection begins anew", ", ".join(gone))
            self._begin_anew()

    def _weigh(self) -> None:
        """End everybody where memory has grown beyond all that is bounded one by one."""
        now = time.monotonic()
        if now < self._weighed + WEIGH_EVERY:
            return
        self._weighed = now
        if self._growth.beyond():
            log.warning("memory grew beyond what peers may cost; every connection begins anew")
            self.overgrown += 1
            self._begin_anew()

    def _begin_anew(self) -> None:
        """End every connection; who may comes again."""
        self._calm = time.monotonic() + AGAIN_S
        for census in self._censuses:
            census.door.reopen()

    def _bound(self, census: Census) -> None:
        """End what has come beyond the limits: with no descriptor left libzmq itself would spin."""
        if not census.accepted:
            return
        over = max(
            sum(one.staying for one in self._censuses) - self._most_peers,
            RESERVE - spare_descriptors(),
        )
        for fd in census.accepted:
            if over <= 0:
                return
            if census.end(fd):
                self.crowded_out += 1
                over -= 1

    def _end_stalled(self, census: Census) -> None:
        """End who does not take what is sent to it: what waits for it is memory of ours."""
        for fd in census.waiting.stalled(time.monotonic()):
            if census.end(fd):
                self.stalled += 1


def end(fd: int) -> None:
    """End a connection; libzmq sees that and closes the descriptor."""
    peer = socket.socket(fileno=fd)
    try:
        peer.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("descriptor %d had ended by itself", fd)
    finally:
        peer.detach()


def allow_descriptors() -> None:
    """Allow this process what its hard limit allows; raises SettingsError where that is too few."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < FEWEST_DESCRIPTORS:
        raise SettingsError(
            f"open files are limited to {hard}; allow {FEWEST_DESCRIPTORS} at least "
            "(LimitNOFILE of the service, or ulimit -Hn)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def spare_descriptors() -> int:
    """How many may still be opened, at most: those above the lowest that is free."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    try:
        lowest = fcntl(0, F_DUPFD_CLOEXEC, 0)
    except OSError:
        return 0
    close(lowest)
    return int(limit - lowest)
