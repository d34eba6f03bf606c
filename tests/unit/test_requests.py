"""The request socket towards a peer that asks and does not fetch."""

from pathlib import Path

import pytest
import zmq

from hostmon.client.requests import decode_answer, encode_request
from hostmon.publisher import Access, BoundSocket
from hostmon.status import Answer, Request, SchemaAnswer
from tests.agent_process import wait_for
from tests.unit.bus import Bus

ASKED = 300


def test_an_answer_that_nobody_fetches_is_counted(tmp_path: Path) -> None:
    with Bus(tmp_path) as bus, zmq.Context() as context, context.socket(zmq.DEALER) as peer:
        peer.linger = 0
        peer.rcvhwm = 1
        peer.connect(bus.endpoint.requests)
        for number in range(1, ASKED + 1):
            peer.send(encode_request(Request(ask="schema", re=number)))
        taken: list[int] = []

        def all_told_of() -> bool:
            while peer.poll(0):
                answer = decode_answer(peer.recv())
                assert isinstance(answer, SchemaAnswer)
                taken.append(answer.re)
            return len(taken) + bus.server.unfetched == ASKED

        wait_for(lambda: bus.server.unfetched > 0)
        wait_for(all_told_of)
        assert taken == sorted(taken)
        assert bus.server.refused == 0


def test_an_answer_to_one_that_is_gone_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"ipc://{tmp_path}/apart"
    with (
        Bus(tmp_path) as bus,
        zmq.Context() as context,
        BoundSocket(context, zmq.ROUTER, [address], access=Access()) as bound,
        context.socket(zmq.DEALER) as peer,
    ):
        usual = bus.server.answer

        def reached(name: bytes) -> bool:
            try:
                bound.socket.send_multipart([name, b""])
            except zmq.ZMQError as error:
                return error.errno != zmq.EHOSTUNREACH
            return True

        def answer_late(name: bytes, payload: bytes, owner: bytes) -> Answer:
            peer.close(0)
            wait_for(lambda: not reached(name))
            return usual(name, payload, owner)

        monkeypatch.setattr(bus.server, "answer", answer_late)
        peer.connect(address)
        peer.send(encode_request(Request(ask="health")))
        bus.server._answer_one(bound.socket)
        assert (bus.server.unfetched, bus.server.refused) == (1, 0)
