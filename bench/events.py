"""Callback to subscriber: latency, with a busy agent too, and throughput, beside plain Python.

Both pipelines run in processes of their own with the same event source, libvirt's test driver in
the same process, and the same subscriber, here. The peer is libvirt-python's callback, queue, pipe,
json and pyzmq. A second row shows it with the interpreter's switch interval set to 0.5 ms. On a
real libvirtd ours is shown alone: ``real``, and ``death``, from a guest's end as this process is
told of it by the kernel until a subscriber knows, with libvirtd and without.
"""

from bench.front import Options, Result, compare, measure, percentile, take_turns
from bench.pipelines import deaths, real
from bench.pipelines.subscriber import Pipeline, running
from tests.lab.node import missing

METRICS = ("idle_p50", "idle_p99", "busy_p50", "throughput", "lost")
GUESTS = 20

PLAIN, TUNED = "plain-python", "plain-python-0.5ms"
# Idle, where the processor sleeps between events, a round differs most from the next.
IDLE_ROUNDS, ROUNDS = 15, 5
IDLE_EVENTS, BUSY_EVENTS = 500, 200
INTERVAL_S = 0.002
NATIVE_EVENTS, PLAIN_EVENTS, STORM_EVENTS = 900_000, 90_000, 60_000
# Below half the high-water mark: libzmq learns only then how many were read.
WINDOW, CHUNK = 40_000, 10_000
PACE, PACED_SECONDS = 300_000, 10


def latency(native: Pipeline, plain: Pipeline) -> list[Result]:
    """Events 2 ms apart, nothing else running in the agent."""
    measured = take_turns(
        {
            "ours": lambda: native.latencies(IDLE_EVENTS, INTERVAL_S),
            "theirs": lambda: plain.latencies(IDLE_EVENTS, INTERVAL_S),
        },
        IDLE_ROUNDS,
    )
    return [
        compare(
            f"idle_p{percent}", "s",
            [percentile(values, percent) for values in measured["ours"]], PLAIN,
            [percentile(values, percent) for values in measured["theirs"]],
        )
        for percent in (50, 99)
    ]  # fmt: skip


def busy(pipeline: Pipeline, switch: float) -> list[float]:
    """The same with a busy thread, and with this switch interval."""
    pipeline.obey("switch", switch)
    pipeline.obey("busy", "on")
    try:
        return pipeline.latencies(BUSY_EVENTS, INTERVAL_S)
    finally:
        pipeline.obey("busy", "off")


def busy_latency(native: Pipeline, plain: Pipeline) -> list[Result]:
    """A Python thread of the agent that never pauses."""
    measured = take_turns(
        {
            "ours": lambda: busy(native, 0.005),
            PLAIN: lambda: busy(plain, 0.005),
            TUNED: lambda: busy(plain, 0.0005),
        },
        ROUNDS,
    )
    plain.obey("switch", 0.005)
    return [
        compare(
            f"busy_p{percent}", "s",
            [percentile(values, percent) for values in measured["ours"]], peer,
            [percentile(values, percent) for values in measured[peer]],
        )
        for percent in (50, 99)
        for peer in (PLAIN, TUNED)
    ]  # fmt: skip


def throughput(native: Pipeline, plain: Pipeline) -> list[Result]:
    """As many as arrive, fed in at the callback; and from libvirt's own callbacks."""
    measured = take_turns(
        {
            "ours": lambda: native.flood(NATIVE_EVENTS, window=WINDOW, chunk=CHUNK),
            "theirs": lambda: plain.flood(PLAIN_EVENTS, window=WINDOW, chunk=CHUNK),
        },
        ROUNDS,
    )
    storms = take_turns(
        {"ours": lambda: native.storm(STORM_EVENTS), "theirs": lambda: plain.storm(STORM_EVENTS)},
        rounds=3,
    )
    ours, theirs = measured["ours"], measured["theirs"]
    return [
        compare(
            "throughput", "events/s",
            [rate for _, rate in ours], PLAIN, [rate for _, rate in theirs], more_is_better=True,
        ),
        compare(
            "lost", "events",
            [NATIVE_EVENTS - got for got, _ in ours], PLAIN,
            [PLAIN_EVENTS - got for got, _ in theirs],
        ),
        compare(
            "storm_throughput", "events/s",
            [rate for _, rate in storms["ours"]], PLAIN, [rate for _, rate in storms["theirs"]],
            more_is_better=True,
        ),
        compare(
            "storm_lost", "events",
            [STORM_EVENTS - got for got, _ in storms["ours"]], PLAIN,
            [STORM_EVENTS - got for got, _ in storms["theirs"]],
        ),
    ]  # fmt: skip


def sustained(native: Pipeline) -> list[Result]:
    """A fixed rate that the plain pipeline can't offer, for a while."""
    count = PACE * PACED_SECONDS
    got, rate = native.paced(count, PACE)
    return [
        measure("sustained_at_300000", "events/s", [rate]),
        measure("sustained_at_300000_lost", "events", [count - got]),
    ]


def run(options: Options) -> list[Result]:
    """Everything, native and plain turn by turn; then ours on a real libvirtd."""
    with running("native") as native, running("plain") as plain:
        results = latency(native, plain) + busy_latency(native, plain)
        results += throughput(native, plain) + sustained(native)
    if reason := missing():
        options.missing.append(f"real libvirtd is missing: {reason}")
        return results
    return results + real.results(options.guests or GUESTS) + deaths.results()
