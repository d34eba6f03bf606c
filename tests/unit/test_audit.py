"""The audit finds every way in which the account can be wrong, and leaves fresh changes alone."""

from hypothesis import given
from hypothesis import strategies as st

from hostmon._ledger import Ledger
from hostmon.account import GuestClaim
from hostmon.audit import FIELDS, Auditor, Disagreement

A, B = b"a" * 16, b"b" * 16
SIZES = st.integers(0, 1 << 40)
VCPUS = st.integers(0, 255)
CLAIMS = st.builds(
    GuestClaim,
    uuid=st.sampled_from([bytes([i]) * 16 for i in range(6)]),
    active=st.booleans(),
    defined=st.booleans(),
    vcpus=VCPUS,
    memory=SIZES,
    defined_vcpus=VCPUS,
    defined_memory=SIZES,
).filter(lambda claim: claim.active or claim.defined)
LISTS = st.lists(CLAIMS, unique_by=lambda claim: claim.uuid)


def fed(ledger: Ledger, guests: list[GuestClaim]) -> Ledger:
    for guest in guests:
        if guest.defined:
            ledger.define(guest.uuid, guest.defined_vcpus, guest.defined_memory)
        if guest.active:
            ledger.take(guest.uuid, guest.vcpus, guest.memory)
    return ledger


@given(LISTS, LISTS)
def test_any_account_is_healed_to_any_list(
    before: list[GuestClaim], after: list[GuestClaim]
) -> None:
    ledger = fed(Ledger(), before)
    auditor = Auditor(ledger)
    first = auditor.compare(after, auditor.mark())
    second = auditor.compare(after, auditor.mark())
    assert second.disagreements == ()
    assert first.skipped == second.skipped == 0
    assert auditor.healed.total() == len(first.disagreements)
    wanted = fed(Ledger(), after).sums()
    got = ledger.sums()
    assert {k: v for k, v in got.items() if k not in {"changes", "removals"}} == {
        k: v for k, v in wanted.items() if k not in {"changes", "removals"}
    }


@given(LISTS)
def test_right_account_has_no_disagreement(guests: list[GuestClaim]) -> None:
    auditor = Auditor(fed(Ledger(), guests))
    assert auditor.compare(guests, auditor.mark()).disagreements == ()


def test_fields_are_named() -> None:
    ledger = fed(Ledger(), [GuestClaim(A, True, True, 2, 200, 4, 400)])
    auditor = Auditor(ledger)
    report = auditor.compare([GuestClaim(A, True, True, 3, 300, 4, 500)], auditor.mark())
    assert report.disagreements == (
        Disagreement(A, "vcpus", 2, 3),
        Disagreement(A, "memory", 200, 300),
        Disagreement(A, "defined_memory", 400, 500),
    )
    assert set(auditor.healed) == set(FIELDS)
    assert auditor.healed["vcpus"] == 1
    assert auditor.healed["active"] == 0


def test_change_after_the_mark_is_left_alone() -> None:
    ledger = fed(Ledger(), [GuestClaim(A, True, False, 1, 1)])
    auditor = Auditor(ledger)
    mark = auditor.mark()
    ledger.take(B, 1, 1)
    ledger.adjust(A, 2, 2)
    report = auditor.compare([GuestClaim(A, True, False, 1, 1)], mark)
    assert (report.disagreements, report.skipped) == ((), 2)
    assert ledger.sums()["vcpus_used"] == 3


def test_guest_removed_after_the_mark_does_not_come_back() -> None:
    ledger = fed(Ledger(), [GuestClaim(A, False, True)])
    auditor = Auditor(ledger)
    mark = auditor.mark()
    ledger.undefine(A)
    assert auditor.compare([GuestClaim(A, False, True)], mark).skipped == 1
    assert A not in ledger
    assert auditor.compare([GuestClaim(A, False, True)], auditor.mark()).skipped == 0
    assert A in ledger


def test_unsettled_stop_is_no_disagreement() -> None:
    ledger = fed(Ledger(), [GuestClaim(A, True, True, 1, 1, 1, 1)])
    ledger.hold(A)
    auditor = Auditor(ledger)
    assert not auditor.compare(
        [GuestClaim(A, False, True, 0, 0, 1, 1)], auditor.mark()
    ).disagreements
    assert ledger.sums()["vcpus_held"] == 1


def test_a_disagreement_is_a_line_for_people() -> None:
    line = str(Disagreement(A, "vcpus", 2, 4))
    assert line == "guest 61616161-6161-6161-6161-616161616161: vcpus 2, found 4; healed"
