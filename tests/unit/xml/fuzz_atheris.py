"""The same as fuzz.py, led by coverage: needs atheris, and runs until a finding or its time is up.

``python -m tests.unit.xml.fuzz_atheris -max_total_time=600 -timeout=20 NEW SEEDS``, where
NEW is an empty folder for what it finds worth keeping, SEEDS a folder of sound documents.
"""

import importlib
import sys

atheris = importlib.import_module("atheris")  # not a dependency: it is there or it is not

with atheris.instrument_imports():
    from tests.unit.xml.fuzz import exercise


def one_input(data: bytes) -> None:
    """What libFuzzer calls; the length decides about the slower search for faults."""
    exercise(data.decode(errors="replace"), deeply=len(data) % 64 == 0)


def main() -> None:
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
