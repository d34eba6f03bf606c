"""What needs a guest with an operating system: orderly stops, unplugging, the balloon."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from hostmon.errors import GuestTimeoutError
from hostmon.guest import Guest
from hostmon.host import Host
from tests.lab import linux
from tests.lab.guest.conftest import MIB, disk, image
from tests.lab.node import Node, wait_for
from tests.lab.recorder import Recorder

pytestmark = pytest.mark.timeout(300)
Boot = Callable[..., Guest]


@pytest.fixture
def boot(
    module_node: Node, host: Host, events: Recorder, request: pytest.FixtureRequest
) -> Iterator[Boot]:
    """Boots guests named for the test, and takes them away."""
    try:
        linux.system()
    except RuntimeError as error:
        pytest.skip(str(error))
    made: list[Guest] = []

    def run() -> Guest:
        name = linux.boot(module_node, f"{request.node.name[5:]}{len(made)}")
        made.append(host.guest_by_name(name))
        events.wait(name, "started booted")
        return made[-1]

    yield run
    for guest in made:
        if guest.is_active():
            guest.power_off()
        guest.undefine(managed_save=True)


def test_orderly_shutdown(boot: Boot, events: Recorder) -> None:
    guest = boot()
    guest.shutdown(60, again_every=5)
    events.wait(guest.name, "shutdown guest", "stopped shutdown")
    assert str(guest.state()) == "shutoff (shutdown)"


def test_reboot(boot: Boot, events: Recorder) -> None:
    guest = boot()
    number = guest.id

    def reboots() -> bool:
        # What watches the power button may start after the guest says that it is up.
        with contextlib.suppress(GuestTimeoutError):
            guest.reboot(20, mode="acpi")
            return True
        return False

    wait_for(reboots, "it reboots", 60)
    events.wait(guest.name, "reboot")
    assert guest.id == number, "the same process runs it"


def test_a_virtio_disk_is_let_go(boot: Boot, module_node: Node, events: Recorder) -> None:
    guest = boot()
    path = image(module_node, f"{guest.name}-disk")
    assert guest.attach(disk(path, "vdb", "virtio")) == "disk[vdb]"
    events.wait(guest.name, "device-added")
    wait_for(lambda: (guest.block_stats("vdb").read_requests or 0) > 0, "the guest looked at it")
    guest.detach("disk[vdb]", timeout=60)
    events.wait(guest.name, "device-removed")
    assert set(guest.disks()) == set(guest.disks(inactive=True)) == {"vda"}


def test_the_balloon_follows(boot: Boot, events: Recorder) -> None:
    guest = boot()
    guest.set_memory_stats_period(1, config=False)
    stats = wait_for(
        lambda: (found := guest.memory_stats()).unused is not None and found, "it tells", 30
    )
    assert 0 < stats.unused < stats.available <= 128 * MIB
    assert None not in (stats.usable, stats.disk_caches, stats.major_faults, stats.swap_in)
    assert stats.last_update_s > 0
    guest.set_memory(96 * MIB)
    events.wait(guest.name, "balloon-change", deadline_s=30)
    wait_for(lambda: guest.memory_stats().current == 96 * MIB, "it gave the memory back", 30)
    wait_for(lambda: guest.facts().memory == 96 * MIB, "libvirt followed by events", 30)


def test_a_save_keeps_the_system_running(boot: Boot, events: Recorder) -> None:
    guest = boot()
    guest.save()
    guest.launch()
    events.wait(guest.name, "stopped saved", "started restored", deadline_s=30)
    guest.shutdown(60, again_every=5)
    assert guest.state().name == "shutoff"
