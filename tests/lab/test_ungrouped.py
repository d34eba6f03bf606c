"""A real libvirtd that uses no cgroups: its guests' processor time is their processes' own."""

from pathlib import Path

import libvirt

from tests.agent_process import AgentProcess, agent, wait_for
from tests.lab.conftest import MakeNode
from tests.lab.guests import define, start
from tests.lab.node import QEMU_CONF, Node

TICK_S = 0.01
TIME = "libvirt_domain_info_cpu_time_seconds_total"
USER, SYSTEM = (f"libvirt_domain_cpu_{kind}_seconds_total" for kind in ("user", "system"))


def without_cgroups(node: Node) -> None:
    """Have its libvirtd begin anew, and use none."""
    (node.root / "etc/qemu.conf").write_text(f"{QEMU_CONF}cgroup_controllers = []\n")
    node.restart_libvirtd()


def times(running: AgentProcess, guest: str) -> tuple[float, ...]:
    """All, user and system seconds of one scrape; nothing while they are not shown."""
    found = running.metrics()
    series = [f'{name}{{domain="{guest}"}}' for name in (TIME, USER, SYSTEM)]
    return tuple(found[one] for one in series if one in found)


def test_a_guest_without_a_group_has_its_processs_times(
    make_node: MakeNode, tmp_path: Path
) -> None:
    node = make_node()
    without_cgroups(node)
    (guest,) = define(node, 1)
    start(node, [guest])
    groups = Path(f"/proc/{node.qemu_pid(guest)}/cgroup").read_text()
    assert "libvirt-qemu" not in groups
    assert "/emulator" not in groups
    connection = libvirt.openReadOnly(node.uri_readonly)
    try:
        domain = connection.lookupByName(guest)
        with agent(tmp_path, ("--uri", node.uri_readonly)) as running:
            wait_for(lambda: times(running, guest))
            for _ in range(5):
                before = domain.info()[4] / 1e9
                spent = times(running, guest)
                after = domain.info()[4] / 1e9
                assert before - 2 * TICK_S <= spent[0] <= after + 2 * TICK_S
                assert abs(spent[0] - spent[1] - spent[2]) < TICK_S / 10
            assert spent[0] > 0
    finally:
        connection.close()
