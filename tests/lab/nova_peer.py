"""What the reference cloud's own helpers say of a host, as one JSON object on standard output.

Runs under an interpreter that has nova (Debian's python3-nova), with a libvirt URI and an image
folder as arguments. Its database is never asked: every guest counts as one without volumes.
"""

import importlib
import json
import sys
from typing import Any


def main(uri: str, folder: str) -> None:
    """Ask nova's Host and the driver's accounting, unchanged, and print what they return."""
    importlib.import_module("nova.monkey_patch")
    conf: Any = importlib.import_module("nova.conf").CONF
    conf([], project="nova", default_config_files=[])
    conf.set_override("instances_path", folder)
    host_module: Any = importlib.import_module("nova.virt.libvirt.host")
    driver_module: Any = importlib.import_module("nova.virt.libvirt.driver")
    driver_module.libvirt = importlib.import_module("libvirt")  # else only a started driver has it
    objects: Any = importlib.import_module("nova.objects")
    objects.register_all()
    driver_module.objects.InstanceList.get_by_filters = lambda *_, **__: []
    driver_module.objects.BlockDeviceMappingList.bdms_by_instance_uuid = lambda *_: {}
    host = host_module.Host(uri, read_only=True)
    driver = driver_module.LibvirtDriver.__new__(driver_module.LibvirtDriver)
    driver._host = host
    gigabytes = driver._get_local_gb_info()
    answer = {
        "vcpus": len(host.get_online_cpus()),
        "vcpus_used": driver._get_vcpu_used(),
        "memory_mb": host.get_memory_mb_total(),
        "memory_mb_used": host.get_memory_mb_used(),
        "memory_available_kb": host._get_avail_memory_kb(),
        "guests_memory_mb": host._sum_domain_memory_mb(),
        "disk_total_gb": gigabytes["total"],
        "disk_free_gb": gigabytes["free"],
        "disk_over_committed": driver._get_disk_over_committed_size_total(),
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:3])
