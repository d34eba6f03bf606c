"""The account and its sums: the same numbers both ways."""

from hostmon.account import HostAccount, Resource, Sums


def test_an_account_takes_and_gives_every_sum() -> None:
    sums = Sums(*range(1, len(Sums.__struct_fields__) + 1))
    account = HostAccount(
        vcpus=Resource(8, 1, 2.0), memory=Resource(9), disk=Resource(7),
        defined=0, active=0, held=0, changes=0, surveyed_ns=4,
    ).counted(sums)  # fmt: skip
    assert account.sums == sums
    assert account.vcpus == Resource(8, 1, 2.0, 2, 3, 4, 13)
    assert account.disk == Resource(7, used=8, allocated=9, claimed=15)
    assert (account.defined, account.active, account.held, account.claims) == (10, 11, 12, 16)
    assert account.surveyed_ns == 4
