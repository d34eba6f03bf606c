"""Faults of the stream itself: floods, a dispatcher that stands still."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import libvirt

from tests.fault.churn import Churn
from tests.fault.figures import Value
from tests.fault.pause import dispatcher_of, paused
from tests.fault.registry import fault
from tests.fault.stage import Stage
from tests.lab.guests import guest_xml

CLIENTS = 3


def pairs(stage: Stage, count: int) -> float:
    """Define and undefine so many guests, by several clients at once; seconds it took."""

    def one_client(number: int) -> None:
        connection = libvirt.open(stage.node.uri)
        for turn in range(number, count, CLIENTS):
            name = stage.node.name(f"pair{turn}")
            connection.defineXML(guest_xml(stage.node, name)).undefine()
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(one_client, range(CLIENTS)))
    return time.monotonic() - began


@fault("define-undefine", quick={"guests": 400}, full={"guests": 10_000}, soak={"guests": 300})
def define_and_undefine(stage: Stage, *, guests: int) -> Mapping[str, Value]:
    """Guests come and go by the thousand while others change."""
    with Churn(stage.node, stage.churned, seed=guests) as churn:
        seconds = pairs(stage, guests)
    return {"guests": guests, "changes": churn.operations, "took_s": round(seconds, 1)}


@fault("dispatcher-paused", quick={"guests": 700}, full={"guests": 50_000}, soak={"guests": 500})
def pause_the_dispatcher(stage: Stage, *, guests: int) -> Mapping[str, Value]:
    """The dispatcher's thread stands still while libvirtd raises two events a guest."""
    with paused(dispatcher_of(stage.agent.process.pid)):
        seconds = pairs(stage, guests)
    began = time.monotonic()
    stage.fence(60)
    return {
        "guests": guests,
        "paused_s": round(seconds, 1),
        "caught_up_s": round(time.monotonic() - began, 3),
    }
