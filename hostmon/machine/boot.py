"""When this machine booted, from which the kernel counts when processes began."""

from pathlib import Path

TICKS_PER_S = 100
"""Of the times in /proc; USER_HZ is 100 wherever hostmon runs."""


def boot_ticks(proc: Path) -> int:
    """When the host booted, in 10 ms ticks since 1970; 0 where the kernel does not tell.

    Source: btime of proc(5)'s /proc/stat; start times of processes count from there.
    """
    try:
        lines = (proc / "stat").read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("btime "))
    return int(next(found, "0")) * TICKS_PER_S
