"""Tests on a real libvirtd with real QEMU guests, and the helpers that start them.

``node.Node`` is one isolated host; ``guests`` defines what runs on it. The benchmarks use both.
"""
