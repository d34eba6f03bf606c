"""Many subscribers in a process of their own: ``python -m bench.pipelines.crowd ADDRESS COUNT``.

A line ``latency N`` has it read N events at each and print, as JSON, the seconds from each event's
stamp to its reading; ``flood N`` the events that each had, and the seconds between first and last.
"""

import json
import sys
import time

import zmq

from bench.pipelines.subscriber import RECEIVE_HIGH_WATER_MARK, SILENCE_MS, TOPIC, decode


def main(address: str, count: int) -> None:
    """Subscribe, say so, and obey."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.max_sockets = 4096
    sockets = []
    for _ in range(count):
        socket = context.socket(zmq.SUB)
        socket.linger, socket.rcvhwm = 0, RECEIVE_HIGH_WATER_MARK
        socket.subscribe(TOPIC)
        socket.connect(address)
        sockets.append(socket)
    say("subscribed")
    for line in sys.stdin:
        order, number = line.split()
        say((latency if order == "latency" else flood)(sockets, int(number)))


def say(answer: object) -> None:
    """One line for who started this."""
    print(json.dumps(answer), flush=True)


def poller_of(sockets: "list[zmq.Socket[bytes]]") -> zmq.Poller:
    """What waits for all of them."""
    poller = zmq.Poller()
    for socket in sockets:
        poller.register(socket, zmq.POLLIN)
    return poller


def latency(sockets: "list[zmq.Socket[bytes]]", number: int) -> list[float]:
    """Seconds from stamp to reading, of every event at every subscriber."""
    poller = poller_of(sockets)
    had: list[tuple[int, bytes]] = []
    while len(had) < number * len(sockets) and (ready := poller.poll(SILENCE_MS)):
        for socket, _ in ready:
            had.append((time.monotonic_ns(), socket.recv()))
    return [(now - decode(message)["monotonic_ns"]) / 1e9 for now, message in had]


def flood(sockets: "list[zmq.Socket[bytes]]", number: int) -> tuple[list[int], float]:
    """How many each had, and the seconds it took."""
    poller = poller_of(sockets)
    had = dict.fromkeys(sockets, 0)
    began = ended = 0.0
    while min(had.values()) < number and (ready := poller.poll(SILENCE_MS)):
        began = began or time.monotonic()
        for socket, _ in ready:
            try:
                for _ in range(1000):
                    socket.recv(zmq.DONTWAIT)
                    had[socket] += 1
            except zmq.Again:
                continue
        ended = time.monotonic()
    return list(had.values()), ended - began


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
