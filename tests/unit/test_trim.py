"""Giving back memory: less is resident, and everything still runs."""

import subprocess
import sys

PROGRAM = """
import lxml.etree, zmq, hostmon.wire
from hostmon._trim import trim

def resident():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

before = resident()
assert trim() > 0
after = resident()
assert after < before - 1000, (before, after)
assert lxml.etree.fromstring("<a b='c'/>").get("b") == "c"
zmq.Context().destroy()
"""


def test_resident_memory_shrinks_and_the_process_goes_on() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
