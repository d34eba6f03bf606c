"""The programs that others use today: how to find each, and what to install when it is missing."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SBIN = ":/usr/sbin:/sbin:/usr/local/sbin"


@dataclass(frozen=True)
class Peer:
    """One program or library to measure against."""

    name: str
    install: str
    find: Callable[[], str | None]


def program(name: str) -> Callable[[], str | None]:
    """A program of the search path, daemons included."""

    def found() -> str | None:
        return shutil.which(name, path=os.environ.get("PATH", "") + SBIN)

    return found


def module(name: str) -> Callable[[], str | None]:
    """A module of this interpreter."""

    def found() -> str | None:
        spec = importlib.util.find_spec(name)
        return spec.origin if spec else None

    return found


def file(path: str) -> Callable[[], str | None]:
    """A file that a package installs."""
    return lambda: path if Path(path).exists() else None


def nova_python() -> str | None:
    """An interpreter that has nova: the one HOSTMON_NOVA_PYTHON names, else Debian's."""
    named = os.environ.get("HOSTMON_NOVA_PYTHON")
    packaged = Path("/usr/lib/python3/dist-packages/nova/virt/libvirt/config.py")
    return named or ("/usr/bin/python3" if packaged.exists() else None)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("libvirt-python", "pip install libvirt-python", module("libvirt")),
        Peer(
            "prometheus-libvirt-exporter",
            "apt install prometheus-libvirt-exporter",
            program("prometheus-libvirt-exporter"),
        ),
        Peer(
            "collectd",
            "apt install collectd-core libmicrohttpd12 libprotobuf-c1",
            program("collectd"),
        ),
        Peer(
            "nova-host",
            "apt install python3-nova",
            file("/usr/lib/python3/dist-packages/nova/virt/libvirt/host.py"),
        ),
        Peer(
            "nova-config",
            "apt install python3-nova, or pip install nova into a venv apart and set "
            "HOSTMON_NOVA_PYTHON to its python",
            nova_python,
        ),
        Peer("prometheus-client", "pip install prometheus-client", module("prometheus_client")),
    )
}


def find(name: str, missing: list[str]) -> str | None:
    """Where a peer is; when nowhere, None and a line in ``missing`` saying what to install."""
    peer = PEERS[name]
    where = peer.find()
    if where is None:
        missing.append(f"{peer.name} is missing: {peer.install}")
    return where
