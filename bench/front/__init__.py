"""What every bench shares: results, turns, peers, the environment, printing and plotting.

A bench is a module ``bench/NAME.py`` with

- a docstring whose first line says what it measures (``--list`` prints it),
- ``METRICS``, the names of the metrics that it prints at least,
- ``GUESTS``, how many guests it takes when ``--guests`` is not given, or None,
- ``run(options) -> list[Result]``.
"""

from bench.front.peers import PEERS, Peer, find
from bench.front.result import Options, Result, compare, measure
from bench.front.turns import percentile, take_turns

__all__ = [
    "PEERS", "Options", "Peer", "Result", "compare", "find", "measure", "percentile", "take_turns",
]  # fmt: skip
