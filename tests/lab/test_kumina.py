"""The kumina profile and the real exporter on the same host: the same names, labels and values."""

import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from hostmon.verify import Report, Verdict
from tests.lab.guests import define, start
from tests.lab.node import Node

ROOT = Path(__file__).resolve().parents[2]
GUESTS = 4
SERIES_A_GUEST = 5 + 4 + 8
DEVICES = """
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='{image}'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<interface type='ethernet'><target dev='{tap}'/></interface>
<interface type='user'/>
"""


@pytest.mark.timeout(180)
def test_kumina_profile_agrees_with_the_exporter_series_by_series(node: Node) -> None:
    if shutil.which("prometheus-libvirt-exporter") is None:
        pytest.skip("prometheus-libvirt-exporter not found: run ./deploy/bootstrap tests")
    names = []
    for number in range(GUESTS):
        image = f"/var/lib/libvirt/disk{number}.qcow2"
        node.run("qemu-img", "create", "-q", "-f", "qcow2", image, "64M")
        devices = DEVICES.format(image=image, tap=f"kumina{number}")
        names += define(node, 1, first=number, devices=devices)
    start(node, names[:-1])
    running = GUESTS - 1
    answer = node.run(
        "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.lab.kumina_beside",
        str(running), "19177", deadline_s=120,
    )  # fmt: skip
    report = msgspec.json.decode(answer.stdout, type=Report)
    assert report.profile == "kumina"
    assert report.compared == SERIES_A_GUEST * running + 2, answer.stdout
    assert not [f for f in report.findings if f.verdict is not Verdict.BEHIND]
