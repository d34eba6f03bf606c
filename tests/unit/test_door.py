"""A door of the bus that does not end in time."""

import threading
from pathlib import Path

import zmq

from hostmon.door import DoorThread
from hostmon.publisher import Access, BoundSocket
from tests.agent_process import wait_for


class Busy(DoorThread):
    """Has something to do until it is told that it has not."""

    name = "busy"

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], path: Path) -> None:
        super().__init__("busy")
        self.done = threading.Event()
        self._context, self._path = context, path

    def stop(self) -> None:
        self._await_end()

    def _open(self) -> BoundSocket:
        return BoundSocket(self._context, zmq.XPUB, [f"ipc://{self._path}"], access=Access())

    def _serve(self, bound: BoundSocket) -> None:
        self.done.wait()


def test_it_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "busy.sock"
    with zmq.Context() as context:
        door = Busy(context, path)
        door.start()
        assert path.exists()
        door.stop()
        assert door.alive
        assert not path.exists()
        door.done.set()
        wait_for(lambda: not door.alive)
