"""What the command line understands: every command, its options and examples.

Imports no command: those are imported when they are called.
"""

import argparse
from typing import TypeAlias

import hostmon

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001

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
    made.add_argument("--uri", metavar="URI", default="qemu:///system", help="libvirt URI")
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
        ("unplug", "take one out again, described as it was plugged"),
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
    made.add_argument("file", metavar="FILE", help="- reads standard input")
    json_option(made)


DRIVERS_EXAMPLES = """examples:
  hostmon drivers                        what is installed, and what of it runs
  hostmon drivers show prometheus        its settings and their defaults
"""


def drivers(commands: Commands) -> None:
    """What is installed."""
    made = command(commands, "drivers", "show installed drivers", DRIVERS_EXAMPLES)
    made.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    made.add_argument("name", nargs="?", metavar="NAME", help="the driver to show")
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
        ("--vcpus", "one request: vCPUs"),
        ("--memory", "memory: bytes, or 512M, 8G, 1T"),
        ("--disk", "room for its disks, likewise"),
        ("--page-size", "huge pages behind all of its memory, likewise"),
        ("--uuid", "the uuid by which it will start"),
        ("--name", "what to call it"),
    ):
        made.add_argument(name, metavar=name[2:6].strip("-").upper(), help=text)
    made.add_argument("--trait", metavar="T", action="append", default=[], help="repeatable")
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
    made.add_argument("--filter", metavar="F", action="append", help="repeatable")
    made.add_argument(
        "--weigher", metavar="W=M", action="append", help="with its multiplier; repeatable"
    )
    made.add_argument("--ttl", metavar="S", type=seconds, help="how long room is held")
    made.add_argument("--wait", metavar="S", type=seconds, default=5.0, help="for agents; 5")
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


def command(
    commands: Commands,
    name: str,
    summary: str,
    examples: str,
) -> argparse.ArgumentParser:
    """One command, its examples below its options."""
    made = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(module=name)
    return made


def plug_options(made: argparse.ArgumentParser, *, out: bool) -> None:
    """What plug and unplug take."""
    made.add_argument("guest", metavar="GUEST", help="name or uuid")
    made.add_argument("what", choices=("vif", "volume"))
    made.add_argument("type", metavar="TYPE", help="bridge, network, file, block ...")
    made.add_argument("values", nargs="*", metavar="KEY=VALUE", help="lists as JSON")
    made.add_argument("--driver", metavar="NAME", help="instead of the configured one")
    made.add_argument("--uri", metavar="URI", default="qemu:///system", help="libvirt URI")
    config_option(made)
    made.set_defaults(module="plug", out=out)


def config_option(made: argparse.ArgumentParser) -> None:
    """The option that names a configuration."""
    made.add_argument(
        "--config", metavar="FILE", help="default: /etc/hostmon/hostmon.toml where it exists"
    )


def json_option(made: argparse.ArgumentParser, text: str = "as JSON") -> None:
    """The option that chooses output for programs."""
    made.add_argument("--json", action="store_true", help=text)


def address_options(made: argparse.ArgumentParser, option: str, name: str) -> None:
    """The option that says where an agent is reached."""
    made.add_argument(
        option, metavar="ADDRESS", help=f"the agent's socket; default: /run/hostmon/{name}.sock"
    )
    if name == "requests":  # every command that talks to an agent has it
        key_options(made)


def key_options(made: argparse.ArgumentParser) -> None:
    """The options that say which keys to use."""
    made.add_argument(
        "--key", metavar="FILE", help="your own key, NAME.key_secret, for a tcp address"
    )
    made.add_argument("--agent-key", metavar="KEY", help="the agent's public key, or its file")


def seconds(text: str) -> float:
    """A time from 0 to 3600 s."""
    number = float(text)
    if not 0 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{text}: give 0 to 3600")
    return number


def count(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: give at least 1")
    return number
