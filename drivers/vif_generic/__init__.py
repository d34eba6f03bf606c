"""Interfaces of every type that libvirt plugs, and the taps that it leaves to the host."""

from hostmon_drivers.vif_generic.driver import GenericVif

__all__ = ["GenericVif"]
