"""hostmon: an event-driven monitor of a virtualisation host.

Importing this package loads neither libvirt nor an extension, so that a subscriber runs where
neither is installed; see :mod:`hostmon.client`.
"""

__version__ = "0.1.0"
