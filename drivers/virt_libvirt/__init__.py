"""libvirt as the hypervisor's connection."""

from hostmon_drivers.virt_libvirt.driver import LibvirtDriver, LibvirtSettings

__all__ = ["LibvirtDriver", "LibvirtSettings"]
