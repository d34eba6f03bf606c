"""What a soak came to as a whole: sums, maxima, and the agent's footprint from first to last."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Figures = dict[str, Any]
"""One fault's, as tests/fault/figures.py tells them."""

SUMS = ("virsh_saw", "witness_saw", "subscriber_saw", "behind_gaps", "marked", "resynced", "lost")
FOOTPRINT = ("memory", "fds", "threads")


def summary(named: Sequence[Figures], struck: Sequence[Figures]) -> Figures:
    """Over all faults; the footprint is that of the agent under random faults."""
    every = [*named, *struck]
    found: Figures = {
        "faults": len(every),
        "named": len(named),
        "random": dict(Counter(one["fault"] for one in struck)),
    }
    found |= {name: sum(one.get(name, 0) for one in every) for name in SUMS}
    found["gaps"] = sum(one.get("gaps", 0) for one in every)
    if every:
        slowest = max(every, key=lambda one: float(one.get("recovery_s", 0)))
        found["max_recovery_s"] = slowest.get("recovery_s", 0)
        found["max_recovery_of"] = slowest["fault"]
        found["slowest_scrape_s"] = max(one.get("slowest_scrape_s", 0) for one in every)
    if struck:
        for name in FOOTPRINT:
            unit = "_mib" if name == "memory" else ""
            found[f"{name}_before{unit}"] = struck[0][f"{name}_before{unit}"]
            found[f"{name}_after{unit}"] = struck[-1][f"{name}_after{unit}"]
    return found


def summary_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """As a person reads it."""
    found = result["summary"]
    times = ", ".join(f"{name} {count}" for name, count in sorted(found["random"].items()))
    yield f"{found['faults']} faults in {result['minutes']} minutes, {found['named']} of them named"
    yield f"at random (seed {result['seed']}): {times or 'none'}"
    yield (
        f"events: virsh saw {found['virsh_saw']}, the test driver's witness "
        f"{found['witness_saw']}, subscribers {found['subscriber_saw']}"
    )
    yield (
        f"lost {found['lost']}; behind {found['gaps']} marked gaps {found['behind_gaps']}, "
        f"of these {found['marked']} counted by lost events; "
        f"found by comparison {found['resynced']}"
    )
    if "max_recovery_s" in found:
        yield (
            f"longest recovery {found['max_recovery_s']} s ({found['max_recovery_of']}), "
            f"slowest scrape {found['slowest_scrape_s']} s"
        )
    if "memory_before_mib" in found:
        yield (
            f"the agent under random faults, first to last: "
            f"memory {found['memory_before_mib']} -> {found['memory_after_mib']} MiB, "
            f"descriptors {found['fds_before']} -> {found['fds_after']}, "
            f"threads {found['threads_before']} -> {found['threads_after']}"
        )
    for test in result["failed"]:
        yield f"FAILED at full size: {test}; its report stands above"
    if result["violation"]:
        yield f"FAILED at random: {result['violation']}"
    for name, reason in sorted(result["skipped"].items()):
        yield f"skipped: {name}: {reason}"
    for name in result["lacking"]:
        yield f"FAILED: {name} was asked for, and no test of it ran"
    yield verdict(result)


def verdict(result: Mapping[str, Any]) -> str:
    """The last line."""
    if result["held"]:
        every = "every fault that was injected" if result["skipped"] else "every fault"
        return f"the invariant held after {every}"
    broke = result["failed"] or result["violation"]
    return "the invariant broke" if broke else "nothing says that the invariant holds"
