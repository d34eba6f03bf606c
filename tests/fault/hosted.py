"""``hostmon`` with a witness in its own process: where the test driver's guests live.

``python -m tests.fault.hosted run ...``: the command as it is, and a socket ``control.sock`` beside
its configuration file that changes guests of test:///default, and tells what libvirt's own Python
bindings saw of them. Everything it does it does by connections of its own.
"""

import sys
import threading
import time
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any

import libvirt

from hostmon import cli, eventloop, kinds
from tests.fault.align import Token

URI = "test:///default"
UNDER_WAY = 1000
XML = "<domain type='test'><name>{}</name><memory>1024</memory><os><type>hvm</type></os></domain>"


class Witness:
    """Every lifecycle event, a line of the file ``told``; and guests changed at will."""

    def __init__(self, told: Path) -> None:
        eventloop.start()
        self._connection = libvirt.open(URI)
        self._told = told.open("w")  # a list would be memory of the agent's
        self._number = self._seen = self._raised = 0
        self._connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._tell, None
        )

    def _tell(
        self, _: object, domain: libvirt.virDomain, event: int, detail: int, __: object
    ) -> None:
        self._seen += 1
        name = str(kinds.name_of(kinds.LIFECYCLE_EVENTS, event))
        self._told.write(f"{domain.name()} {name} {kinds.detail_name(event, detail)}\n")

    def pairs(self, count: int) -> None:
        """Define and undefine guests, one after another."""
        for _ in range(count):
            self._number += 1
            self._pace()
            self._connection.defineXML(XML.format(f"brief{self._number}")).undefine()

    def toggles(self, count: int) -> None:
        """Suspend and resume a guest."""
        guest = self._connection.lookupByName("test")
        for _ in range(count // 2):
            self._pace()
            guest.suspend()
            guest.resume()

    def _pace(self) -> None:
        """Wait while many events are under way: libvirt keeps them, here in the agent's memory."""
        while self._raised - self._seen > UNDER_WAY:
            time.sleep(0.001)
        self._raised += 2

    def fence(self) -> tuple[str, ...]:
        """Two events whose like was never before; returns the second's token."""
        self._number += 1
        self._raised += 2
        name = f"fence{self._number}"
        self._connection.defineXML(XML.format(name)).undefine()
        return ("lifecycle", name, "undefined", "removed")

    def flush(self) -> None:
        """Have everything told stand in the file."""
        self._told.flush()

    def guests(self) -> dict[str, tuple[str, int, str, bool]]:
        """By name: uuid, id, state and whether it is persistent, as libvirt says it."""
        return {
            guest.name(): (
                guest.UUIDString(),
                guest.ID(),
                kinds.STATES[guest.state()[0]],
                bool(guest.isPersistent()),
            )
            for guest in self._connection.listAllDomains()
        }


def serve(directory: Path) -> None:
    """Answer, one client after another."""
    witness = Witness(directory / "told")
    with Listener(str(directory / "control.sock"), "AF_UNIX") as listener:
        while True:
            with listener.accept() as client:
                call, *arguments = client.recv()
                client.send(getattr(witness, call)(*arguments))


def ask(directory: Path, call: str, *arguments: int) -> Any:
    """What the witness of an agent under this directory answers."""
    with Client(str(directory / "control.sock"), "AF_UNIX") as client:
        client.send((call, *arguments))
        return client.recv()


def told(directory: Path, last: Token, position: int) -> tuple[list[Token], int]:
    """What the witness told from this position of its file up to a token; and where that ends."""
    ask(directory, "flush")
    tokens: list[Token] = []
    with (directory / "told").open() as file:
        file.seek(position)
        while line := file.readline():
            tokens.append(("lifecycle", *line.split()))
            if tokens[-1] == last:
                return tokens, file.tell()
    raise AssertionError(f"the witness did not see {last}")


if __name__ == "__main__":
    folder = Path(sys.argv[sys.argv.index("--config") + 1]).parent
    threading.Thread(target=serve, args=(folder,), daemon=True).start()
    sys.exit(cli.main(sys.argv[1:]))
