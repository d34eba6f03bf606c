"""A guest with an operating system works, and obeys what one without ignores."""

import pytest

from tests.lab.linux import boot, system
from tests.lab.node import Node, wait_for


@pytest.fixture(scope="module")
def _kernel() -> None:
    try:
        system()
    except RuntimeError as error:
        pytest.skip(str(error))


def numbers(text: str) -> dict[str, int]:
    rows = (line.replace("=", " ").split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


@pytest.mark.usefixtures("_kernel")
@pytest.mark.timeout(400)
def test_it_works_gives_memory_back_and_shuts_down(module_node: Node) -> None:
    name = boot(module_node, "linux", cpu=2, disk=4, deadline_s=200)

    def written() -> int:
        return numbers(module_node.virsh("domstats", "--block", name))["block.0.wr.bytes"]

    before = written()
    wait_for(lambda: written() > before, "the guest writes", 60)
    module_node.virsh("setmem", name, "96M", "--live")
    wait_for(
        lambda: numbers(module_node.virsh("dommemstat", name))["actual"] == 96 << 10,
        "the balloon inflates", 60,
    )  # fmt: skip
    module_node.virsh("shutdown", name)
    wait_for(lambda: module_node.virsh("domstate", name) == "shut off", "it shuts down", 60)
