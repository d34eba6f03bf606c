"""What the command line understands: every command, its options and examples.

Imports no command: those are imported when they are called.
"""

import argparse

import hostmon
from hostmon.cli.options import (
    Commands,
    address_options,
    command,
    config_option,
    count,
    json_option,
    key_options,
    plug_options,
    seconds,
    uri_option,
)

EXIT_CODES = """exit codes:
  0  done
  1  failed while running
  2  wrong usage or configuration; nothing was started
  3  no running agent answered
"""


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog="hostmon",
        description="Event-driven monitor of a virtualisation host.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"hostmon {hostmon.__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (
        run,
        watch,
        status,
        guests,
        guest,
        plug,
        xml,
        drivers,
        journal,
        config,
        verify,
        keys,
        schedule,
        completion,
    ):
        add(commands)
    return top


RUN_EXAMPLES = """examples:
  hostmon run                            this host's libvirtd, or the demo without one
  hostmon run --uri qemu:///session
  hostmon run --config /etc/hostmon/hostmon.toml
"""


def run(commands: Commands) -> None:
    """Monitor this host."""
    made = command(commands, "run", "monitor this host, in the foreground", RUN_EXAMPLES)
    config_option(made)
    made.add_argument("--uri", metavar="URI", help="libvirt URI, instead of the configured one")
    made.add_argument(
        "--demo", action="store_true", help="monitor 20 demo guests; needs no libvirtd"
    )
    made.add_argument(
        "--metrics-profile",
        metavar="P",
        help="what /metrics shows: hostmon, or what kumina's or inovex's exporter would",
    )


WATCH_EXAMPLES = """examples:
  hostmon watch
  hostmon watch --kind lifecycle --guest web-1
  hostmon watch --json | jq .event
"""


def watch(commands: Commands) -> None:
    """Events as they come."""
    made = command(commands, "watch", "show events as they come", WATCH_EXAMPLES)
    made.add_argument("--kind", metavar="K", help="only this kind, such as lifecycle")
    made.add_argument("--guest", metavar="G", help="only this guest, by name or uuid")
    made.add_argument("--count", metavar="N", type=count, help="end after N events")
    json_option(made, "one JSON object a line")
    address_options(made, "--events", "events")
    address_options(made, "--requests", "requests")


STATUS_EXAMPLES = """examples:
  hostmon status
  hostmon status --json | jq .connection
"""


def status(commands: Commands) -> None:
    """The state of an agent."""
    made = command(commands, "status", "show the state of a running agent", STATUS_EXAMPLES)
    json_option(made)
    address_options(made, "--requests", "requests")


GUESTS_EXAMPLES = """examples:
  hostmon guests
  hostmon guests --json | jq '.[] | select(.state == "running") | .name'
"""


def guests(commands: Commands) -> None:
    """Every guest of an agent."""
    made = command(commands, "guests", "list the guests of a running agent", GUESTS_EXAMPLES)
    json_option(made)
    address_options(made, "--requests", "requests")


GUEST_EXAMPLES = """examples:
  hostmon guest show web-1               what it is doing and what it consists of
  hostmon guest diff web-1 web-2         exit code 1 where they differ
  hostmon guest diff web-1 saved.xml     a file's name holds a slash or a dot
  hostmon guest diff web-1               what its next start changes
"""


def guest(commands: Commands) -> None:
    """One guest, or two beside each other."""
    made = command(commands, "guest", "show a guest, or how two of them differ", GUEST_EXAMPLES)
    made.add_argument("action", choices=("show", "diff"))
    made.add_argument("guests", nargs="+", metavar="GUEST", help="name, uuid, or an XML file")
    made.add_argument("--inactive", action="store_true", help="as of its next start")
    made.add_argument("--xml", action="store_true", help="its XML, without passwords")
    uri_option(made)
    json_option(made)


PLUG_EXAMPLES = """examples:
  hostmon plug web-1 vif bridge mac=52:54:00:12:34:56 bridge=br0
  hostmon plug web-1 volume file target=vdb path=/images/data.raw
  hostmon unplug web-1 volume file target=vdb path=/images/data.raw
types and their keys: docs/driver-api.md
"""


def plug(commands: Commands) -> None:
    """Both ways: ``plug`` and ``unplug``."""
    for name, summary in (
        ("plug", "plug an interface or a volume into a guest"),
        ("unplug", "take an interface or a volume out of a guest, described as it was plugged"),
    ):
        plug_options(command(commands, name, summary, PLUG_EXAMPLES), out=name == "unplug")


XML_EXAMPLES = """examples:
  hostmon xml check guest.xml            line, place and remedy; exit code 1 on an error
  virsh dumpxml web-1 | hostmon xml check -
"""


def xml(commands: Commands) -> None:
    """A document of libvirt's."""
    made = command(commands, "xml", "check a document of libvirt's", XML_EXAMPLES)
    made.add_argument("action", choices=("check",))
    made.add_argument(
        "file", metavar="FILE", help="a domain, network, pool ...; - reads standard input"
    )
    json_option(made)


DRIVERS_EXAMPLES = """examples:
  hostmon drivers                        what is installed, and what of it runs
  hostmon drivers show prometheus        its settings and their defaults
"""


def drivers(commands: Commands) -> None:
    """What is installed."""
    made = command(commands, "drivers", "show installed drivers", DRIVERS_EXAMPLES)
    made.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    made.add_argument("name", nargs="?", metavar="NAME", help="the driver, for show")
    json_option(made)
    address_options(made, "--requests", "requests")


JOURNAL_EXAMPLES = """examples:
  hostmon journal --since 1h --guest web-1
  hostmon journal --json --kind lifecycle | jq .event
"""


def journal(commands: Commands) -> None:
    """Events that were journaled."""
    made = command(commands, "journal", "show events that were journaled", JOURNAL_EXAMPLES)
    config_option(made)
    made.add_argument("--directory", metavar="DIR", help="default: the configured one")
    made.add_argument("--kind", metavar="K", help="only this kind, such as lifecycle")
    made.add_argument("--guest", metavar="G", help="only this guest, by name or uuid")
    made.add_argument("--since", metavar="TIME", help="10m, 2h, 3d or 2026-01-31T12:00")
    made.add_argument("--count", metavar="N", type=count, help="end after N lines")
    json_option(made, "one JSON object a line")


CONFIG_EXAMPLES = """examples:
  hostmon config check deploy/hostmon.toml
  hostmon config show                    every setting in force, defaults included
"""


def config(commands: Commands) -> None:
    """The configuration."""
    made = command(commands, "config", "check or show the configuration", CONFIG_EXAMPLES)
    made.add_argument("action", choices=("check", "show"))
    made.add_argument("file", nargs="?", metavar="FILE", help="default: /etc/hostmon/hostmon.toml")
    json_option(made)


VERIFY_EXAMPLES = """examples:
  hostmon verify http://127.0.0.1:9000/metrics
  hostmon verify http://127.0.0.1:9000/metrics --settle 60   longer than the longest cadence
"""


def verify(commands: Commands) -> None:
    """Another exporter's page beside ours."""
    made = command(
        commands, "verify", "compare another exporter's scrape with ours", VERIFY_EXAMPLES
    )
    made.add_argument("url", metavar="URL", help="the other exporter's page")
    made.add_argument("--ours", metavar="URL", help="our page; default: the running agent's")
    made.add_argument(
        "--settle",
        metavar="S",
        type=seconds,
        default=0.0,
        help="wait between the two scrapes, so that no reading of ours is behind",
    )
    json_option(made)
    address_options(made, "--requests", "requests")


KEYS_EXAMPLES = """examples:
  hostmon keys new                       the agent's keys
  hostmon keys new --keys ~/keys rack-7  a client's, on its own machine
  hostmon keys allow rack-7 rack-7.key   let it connect, at once
  hostmon keys revoke rack-7             end its connections, at once
"""


def keys(commands: Commands) -> None:
    """Keys of the bus."""
    made = command(commands, "keys", "make, show, allow and revoke keys", KEYS_EXAMPLES)
    made.add_argument("action", choices=("new", "show", "allow", "revoke"))
    made.add_argument("name", nargs="?", metavar="NAME", help="of the key; new: agent")
    made.add_argument("key", nargs="?", metavar="KEY", help="allow: a public key, or its file")
    made.add_argument("--keys", metavar="DIR", help="default: as configured, /etc/hostmon/keys")
    config_option(made)
    json_option(made)


SCHEDULE_EXAMPLES = """examples:
  hostmon schedule --vcpus 4 --memory 8G --disk 40G
  hostmon schedule requests.jsonl --endpoint tcp://rack-7:7101 tcp://rack-7:7102
  cut-requests | hostmon schedule - --json --weigher memory=-1
hosts, filters and weighers are otherwise those of [scheduler]: docs/scheduler.md
"""


def schedule(commands: Commands) -> None:
    """Places for guests that are to be."""
    made = command(commands, "schedule", "place requests for guests on hosts", SCHEDULE_EXAMPLES)
    made.add_argument("file", nargs="?", metavar="FILE", help="requests, one JSON object a line")
    for name, text in (
        ("--vcpus N", "of one request, instead of FILE: its vCPUs"),
        ("--memory SIZE", "its memory: bytes, or 512M, 8G, 1T"),
        ("--disk SIZE", "room for its disks, likewise"),
        ("--page-size SIZE", "huge pages behind all of its memory, likewise"),
        ("--uuid UUID", "the uuid by which it will start"),
        ("--name NAME", "what to call it"),
    ):
        option, _, value = name.partition(" ")
        made.add_argument(option, metavar=value, help=text)
    made.add_argument(
        "--trait", metavar="T", action="append", default=[], help="what its host has; repeatable"
    )
    made.add_argument(
        "--apart", metavar="G", action="append", default=[], help="not beside this guest or group"
    )
    made.add_argument(
        "--endpoint",
        metavar=("EVENTS", "REQUESTS"),
        nargs=2,
        action="append",
        default=[],
        help="an agent's two addresses; repeatable",
    )
    made.add_argument("--filter", metavar="F", action="append", help="hosts that suit; repeatable")
    made.add_argument(
        "--weigher",
        metavar="W=M",
        action="append",
        help="which suit best, with its multiplier; repeatable",
    )
    made.add_argument("--ttl", metavar="S", type=seconds, help="seconds for which room is held")
    made.add_argument(
        "--wait",
        metavar="S",
        type=seconds,
        default=5.0,
        help="seconds for agents to answer; default: 5",
    )
    config_option(made)
    json_option(made, "one JSON object a line")
    key_options(made)


COMPLETION_EXAMPLES = """examples:
  hostmon completion bash > /etc/bash_completion.d/hostmon
"""


def completion(commands: Commands) -> None:
    """The shell's help."""
    made = command(commands, "completion", "print shell completion", COMPLETION_EXAMPLES)
    made.add_argument("shell", choices=("bash", "zsh", "fish"))
