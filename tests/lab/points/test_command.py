"""``hostmon plug`` and ``unplug`` on a real guest."""

import pytest

from hostmon.guest import Guest
from hostmon.xml.interface import Interface
from tests.agent_process import hostmon
from tests.lab.node import Node

pytestmark = pytest.mark.timeout(300)
MAC = "52:54:00:cc:00:01"


def test_plug_and_unplug(module_node: Node, guest: Guest) -> None:
    words = (guest.name, "vif", "user", f"mac={MAC}", "--uri", module_node.uri)
    result = hostmon("plug", *words)
    assert (result.returncode, result.stderr) == (0, "")
    assert Interface.parse(result.stdout).mac == MAC
    assert set(guest.interfaces()) == {MAC}
    again = hostmon("plug", *words)
    assert again.returncode == 1
    assert "has an interface of this MAC address" in again.stderr
    result = hostmon("unplug", *words)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert guest.interfaces() == {}
    gone = hostmon("unplug", *words)
    assert gone.returncode == 1
    assert f"has no interface[{MAC}]" in gone.stderr
