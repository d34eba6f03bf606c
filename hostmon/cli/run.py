"""``hostmon run``: the agent in the foreground, until SIGTERM or SIGINT."""

import argparse
import contextlib
import logging
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from hostmon import logs
from hostmon.cli.reach import check_option_uri
from hostmon.errors import AddressInUseError, DriverError, HostmonError, SettingsError
from hostmon.metrics.choice import check_metrics
from hostmon.settings import DEMO_URI, Settings, config_path, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from hostmon.agent import Agent
    from hostmon.memory import Thrift

log = logging.getLogger("hostmon")

DAEMONS = ("libvirtd", "virtqemud")
SYSTEM_URI = "qemu:///system"
SETTLED_AFTER = 10.0  # the first comparison with libvirt is over, and a scrape was served
LOOK_EVERY = 1.0
THRIFT_EVERY = 10.0  # to ask the allocator what is free takes it 0.3 ms
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def run(options: argparse.Namespace) -> int:
    """Start, wait for a signal, stop; configuration that can't work ends in SettingsError first."""
    settings = configured(options)
    settings, demo = decided(settings, demo=options.demo)
    logs.configure(settings.log)
    # After the settings are known to be good: these imports load the extensions.
    try:
        from hostmon.agent import Agent
        from hostmon.memory import Thrift, settle
    except ImportError as error:
        raise HostmonError(
            f"the agent is not installed ({error}); install hostmon[agent]"
        ) from None

    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        agent = Agent(settings)
        agent.start()
    except (AddressInUseError, DriverError) as error:
        # Whatever keeps the agent from starting is the configuration's to mend.
        raise SettingsError(str(error)) from error
    settle()
    announce(agent.uri, agent.web_addresses(), settings, demo=demo)
    thrift = Thrift()
    while (received := awaited(agent, settle, thrift)) == signal.SIGHUP:
        reload(agent, options)
    ended = ", ".join(agent.ended())
    if ended:
        log.critical("%s: ended by itself; the agent ends, and has to be started anew", ended)
    else:
        log.info("%s: stopping", signal.Signals(received).name)
    agent.stop()
    log.info("stopped")
    leave(1 if ended else 0)
    return 0


def awaited(agent: "Agent", settle: "Callable[[], None]", thrift: "Thrift") -> int:
    """The signal that came, 0 once a part of the agent has ended by itself.

    What starting, or a reload, needed is given up before a long wait.
    """
    settled = time.monotonic() + SETTLED_AFTER
    thrifty = time.monotonic() + THRIFT_EVERY
    while not agent.ended():
        received = signal.sigtimedwait(SIGNALS, LOOK_EVERY)
        # After a SIGSTOP longer than the wait CPython (3.11) returns a siginfo never written to.
        if received is not None and received.si_signo in SIGNALS:
            return received.si_signo
        if time.monotonic() >= thrifty:
            thrift.look()
            thrifty = time.monotonic() + THRIFT_EVERY
        if time.monotonic() >= settled:
            settle()
            settled = float("inf")
    return 0


def reload(agent: "Agent", options: argparse.Namespace) -> None:
    """Follow the configuration as it is now, as far as drivers go; a bad one changes nothing."""
    try:
        agent.reload(configured(options))
    except SettingsError as error:
        log.error("SIGHUP: %s; the drivers go on as before", error)
        return
    log.info("SIGHUP: the drivers are as configured; other sections wait for a restart")


def leave(code: int) -> None:
    """End the process at once, without waiting for a thread that hangs in libvirt."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def configured(options: argparse.Namespace) -> Settings:
    """The settings of the file, with what the command line says instead."""
    path = config_path(options.config)
    settings = load(path)
    if options.uri and options.demo:
        raise SettingsError("--uri and --demo: give one of them")
    if options.uri:
        if settings.agent.virt == "libvirt":
            check_option_uri(options.uri)
        agent = msgspec.structs.replace(settings.agent, uri=options.uri)
        settings = msgspec.structs.replace(settings, agent=agent)
    if options.metrics_profile:
        metrics = msgspec.structs.replace(settings.metrics, profile=options.metrics_profile)
        settings = msgspec.structs.replace(settings, metrics=metrics)
    check_metrics(settings.metrics, str(path) if path else "--metrics-profile")
    return settings


def decided(settings: Settings, *, demo: bool) -> tuple[Settings, bool]:
    """The settings with ``auto`` decided, and whether it is the demo that will run."""
    agent, virt = settings.agent, settings.virt
    if demo:
        agent = msgspec.structs.replace(agent, virt="libvirt")
    demo = demo or (agent.virt == "libvirt" and agent.uri == "auto" and not libvirt_is_here())
    if demo:
        agent = msgspec.structs.replace(agent, uri=DEMO_URI)
        virt = virt | {"libvirt": virt.get("libvirt", {}) | {"demo": True}}
    elif agent.uri == "auto":
        uri = SYSTEM_URI if agent.virt == "libvirt" else f"{agent.virt}:///"
        agent = msgspec.structs.replace(agent, uri=uri)
    return msgspec.structs.replace(settings, agent=agent, virt=virt), demo


def libvirt_is_here() -> bool:
    """Whether this host has a libvirt daemon, running or not."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    return any(shutil.which(daemon, path=path) for daemon in DAEMONS)


def announce(uri: str, pages: tuple[str, ...], settings: Settings, *, demo: bool) -> None:
    """Tell a person where to look."""
    if demo:
        log.info("demo: 20 guests of libvirt's test driver, %s", uri)
    log.info("events on %s", ", ".join(settings.bus.events_addresses))
    for page in pages:
        print(f"open {page} (metrics: {page}metrics)", flush=True)
