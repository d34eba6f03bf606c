"""The bench's whole placements: on real sockets, each by a claim that a host granted."""

import uuid

from bench.fleet.placing import endpoints, fleet, placements, request_of
from bench.fleet.trace import OWN, arrivals
from hostmon.client import ask
from hostmon.status import ClaimAnswer, ClaimWanted, Request, SnapshotAnswer


def test_every_placement_is_timed() -> None:
    taken = placements(10, arrivals(OWN, 100), 40)
    assert len(taken) == 40
    assert all(0 < one < 60 for one in taken)


def test_its_hosts_grant_what_they_have_and_no_more() -> None:
    with fleet(2) as hosts:
        wanted = [ClaimWanted(id=str(uuid.uuid4()), vcpus=40, disk=1) for _ in range(2)]
        answers = [ask(hosts[1], Request(ask="claim", claim=one)) for one in wanted]
        assert [one.state for one in answers if isinstance(one, ClaimAnswer)] == [
            "granted", "refused",
        ]  # fmt: skip
        told = ask(hosts[1], "snapshot")
        assert isinstance(told, SnapshotAnswer)
        assert told.account is not None
        assert (told.account.traits, told.account.vcpus.claimed) == (("CUSTOM_FAST",), 40)
    assert len(endpoints("/x", 3)) == 3


def test_requests_carry_all_that_is_filtered_by() -> None:
    one = arrivals(OWN, 1)[0]
    requests = [request_of(one, number) for number in range(64)]
    assert all(request.disk for request in requests)
    assert sum(bool(request.traits) for request in requests) == 16
    assert sum(bool(request.anti_affinity) for request in requests) == 8
