"""Views of hosts that were never asked: for what looks at accounts alone."""

from hostmon._hosts import HostColumns
from hostmon.account import HostAccount, PagePool, Resource
from hostmon.client import HostView
from hostmon.scheduler import HostTable

GIB = 1 << 30


def account(
    vcpus: int = 16,
    used: int = 0,
    *,
    memory: int = 64,
    memory_used: int = 0,
    disk: int | None = 100,
    traits: tuple[str, ...] = (),
    pages: tuple[PagePool, ...] = (),
) -> HostAccount:
    """An account, memory and disk in GiB; a disk of None has an image that is unknown."""
    return HostAccount(
        vcpus=Resource(vcpus, used=used),
        memory=Resource(memory * GIB, used=memory_used * GIB),
        disk=Resource((100 if disk is None else disk) * GIB),
        defined=0, active=0, held=0, changes=1, pages=pages, traits=traits,
        disk_available_least=None if disk is None else disk * GIB,
    )  # fmt: skip


def table(*accounts: HostAccount | None) -> HostTable:
    """A table of hosts that are up."""
    views = []
    for number, each in enumerate(accounts):
        view = HostView()
        view.host, view.account, view.fresh, view.connection = f"host-{number}", each, True, "up"
        views.append(view)
    made = HostTable(views)
    for row in range(len(views)):
        made.put(row)
    return made


def left(columns: HostColumns) -> set[int]:
    """The rows that are selected."""
    return set(columns.scored())
