"""Taps of the host for interfaces of type ethernet, made and removed with iproute2.

Owns the taps that it made and no others: each carries the guest's uuid in its alias, and a tap
without that alias is neither taken nor removed.
"""

import json
import subprocess
import uuid
from typing import Any

from hostmon.errors import DriverError, RequestRefusedError
from hostmon.points import EthernetVif

DEADLINE = 10.0
MARK = "hostmon"


class Taps:
    """Makes and removes taps; ``program`` is iproute2's ``ip``."""

    def __init__(self, program: str = "ip") -> None:
        self._program = program

    def make(self, vif: EthernetVif, guest: uuid.UUID) -> None:
        """A tap for the guest, up and joined to the vif's bridge.

        Raises RequestRefusedError where the name is another's, DriverError where ip fails; then
        nothing is left.
        """
        if (there := self._link(vif.target)) is not None:
            if there.get("ifalias") != mark(vif, guest):
                raise RequestRefusedError(
                    f"vif {vif.mac}: target = {vif.target!r} is an interface of the host already; "
                    "give another name"
                )
            return
        queues = ["multi_queue"] if (vif.queues or 1) > 1 else []
        self._ip("tuntap", "add", "dev", vif.target, "mode", "tap", "vnet_hdr", *queues)
        try:
            self._ip("link", "set", "dev", vif.target, "alias", mark(vif, guest))
            if vif.mtu is not None:
                self._ip("link", "set", "dev", vif.target, "mtu", str(vif.mtu))
            if vif.bridge is not None:
                self._ip("link", "set", "dev", vif.target, "master", vif.bridge)
            self._ip("link", "set", "dev", vif.target, "up")
        except DriverError:
            self._ip("link", "delete", "dev", vif.target)
            raise

    def remove(self, vif: EthernetVif, guest: uuid.UUID) -> None:
        """Remove the guest's tap; one that is gone, or another's, is left as it is."""
        there = self._link(vif.target)
        if there is not None and there.get("ifalias") == mark(vif, guest):
            self._ip("link", "delete", "dev", vif.target)

    def _link(self, name: str) -> dict[str, Any] | None:
        """What ip tells of an interface, None if there is none of this name."""
        links = json.loads(self._ip("-json", "link", "show") or "[]")
        return next((link for link in links if link.get("ifname") == name), None)

    def _ip(self, *arguments: str) -> str:
        command = [self._program, *arguments]
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=DEADLINE
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DriverError(f"{' '.join(command)}: {error}; is iproute2 installed?") from None
        if done.returncode:
            reason = done.stderr.strip().replace("\n", " ")
            raise DriverError(f"{' '.join(command)}: {reason}")
        return done.stdout


def mark(vif: EthernetVif, guest: uuid.UUID) -> str:
    """The alias by which a tap is known to be this vif's."""
    return f"{MARK} {guest} {vif.mac}"
