"""Filtering by libvirt's network filters: base filters, and one of its own for each port."""

from hostmon_drivers.firewall_nwfilter.driver import NwfilterFirewall

__all__ = ["NwfilterFirewall"]
