"""The command line: what it understands, and where each command lives.

Owns parsing and exit codes; a command's module is imported only when it is called, so that
``hostmon --version`` answers at once.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import hostmon
from hostmon.errors import AgentUnreachableError, HostmonError, SettingsError
from hostmon.printable import printable

EXIT_CODES = """exit codes:
  0  done
  1  failed while running
  2  wrong usage or configuration; nothing was started
  3  no running agent answered
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = parser().parse_args(arguments)
    module = importlib.import_module(f"hostmon.cli.{options.module}")
    try:
        return int(module.run(options))
    except SettingsError as error:
        return fail(error, 2)
    except AgentUnreachableError as error:
        return fail(error, 3)
    except HostmonError as error:
        return fail(error, getattr(error, "exit_code", 1))
    except BrokenPipeError:
        # Whoever read our output has read enough: what is not written yet has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 0


def fail(error: Exception, code: int) -> int:
    """One clear line, and the exit code."""
    print(f"hostmon: {printable(str(error))}", file=sys.stderr)
    return code


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

    run = command(commands, "run", "monitor this host, in the foreground", RUN_EXAMPLES)
    add_config(run)
    run.add_argument("--uri", metavar="URI", help="libvirt URI, instead of the configured one")
    run.add_argument(
        "--demo", action="store_true", help="monitor 20 demo guests; needs no libvirtd"
    )

    run.add_argument(
        "--metrics-profile",
        metavar="P",
        help="what /metrics shows: hostmon, or what kumina's or inovex's exporter would",
    )

    watch = command(commands, "watch", "show events as they come", WATCH_EXAMPLES)
    watch.add_argument("--kind", metavar="K", help="only this kind, such as lifecycle")
    watch.add_argument("--guest", metavar="G", help="only this guest, by name or uuid")
    watch.add_argument("--count", metavar="N", type=count, help="end after N events")
    add_json(watch, "one JSON object a line")
    add_address(watch, "--events", "events")
    add_address(watch, "--requests", "requests")

    status = command(commands, "status", "show the state of a running agent", STATUS_EXAMPLES)
    add_json(status)
    add_address(status, "--requests", "requests")

    guests = command(commands, "guests", "list the guests of a running agent", GUESTS_EXAMPLES)
    add_json(guests)
    add_address(guests, "--requests", "requests")

    guest = command(commands, "guest", "show a guest, or how two of them differ", GUEST_EXAMPLES)
    guest.add_argument("action", choices=("show", "diff"))
    guest.add_argument("guests", nargs="+", metavar="GUEST", help="name, uuid, or an XML file")
    guest.add_argument("--inactive", action="store_true", help="as of its next start")
    guest.add_argument("--xml", action="store_true", help="its XML, without passwords")
    guest.add_argument("--uri", metavar="URI", default="qemu:///system", help="libvirt URI")
    add_json(guest)

    for name, summary in (
        ("plug", "plug an interface or a volume into a guest"),
        ("unplug", "take one out again, described as it was plugged"),
    ):
        add_plug(command(commands, name, summary, PLUG_EXAMPLES), out=name == "unplug")

    xml = command(commands, "xml", "check a document of libvirt's", XML_EXAMPLES)
    xml.add_argument("action", choices=("check",))
    xml.add_argument("file", metavar="FILE", help="- reads standard input")
    add_json(xml)

    drivers = command(commands, "drivers", "show installed drivers", DRIVERS_EXAMPLES)
    drivers.add_argument("action", nargs="?", choices=("list", "show"), default="list")
    drivers.add_argument("name", nargs="?", metavar="NAME", help="the driver to show")
    add_json(drivers)
    add_address(drivers, "--requests", "requests")

    journal = command(commands, "journal", "show events that were journaled", JOURNAL_EXAMPLES)
    add_config(journal)
    journal.add_argument("--directory", metavar="DIR", help="default: the configured one")
    journal.add_argument("--kind", metavar="K", help="only this kind, such as lifecycle")
    journal.add_argument("--guest", metavar="G", help="only this guest, by name or uuid")
    journal.add_argument("--since", metavar="TIME", help="10m, 2h, 3d or 2026-01-31T12:00")
    journal.add_argument("--count", metavar="N", type=count, help="end after N lines")
    add_json(journal, "one JSON object a line")

    config = command(commands, "config", "check or show the configuration", CONFIG_EXAMPLES)
    config.add_argument("action", choices=("check", "show"))
    config.add_argument(
        "file", nargs="?", metavar="FILE", help="default: /etc/hostmon/hostmon.toml"
    )
    add_json(config)

    verify = command(
        commands, "verify", "compare another exporter's scrape with ours", VERIFY_EXAMPLES
    )
    verify.add_argument("url", metavar="URL", help="the other exporter's page")
    verify.add_argument("--ours", metavar="URL", help="our page; default: the running agent's")
    verify.add_argument(
        "--settle",
        metavar="S",
        type=seconds,
        default=0.0,
        help="wait between the two scrapes, so that no reading of ours is behind",
    )
    add_json(verify)
    add_address(verify, "--requests", "requests")

    keys = command(commands, "keys", "make, show, allow and revoke keys", KEYS_EXAMPLES)
    keys.add_argument("action", choices=("new", "show", "allow", "revoke"))
    keys.add_argument("name", nargs="?", metavar="NAME", help="of the key; new: agent")
    keys.add_argument("key", nargs="?", metavar="KEY", help="allow: a public key, or its file")
    keys.add_argument("--keys", metavar="DIR", help="default: as configured, /etc/hostmon/keys")
    add_config(keys)
    add_json(keys)

    completion = command(commands, "completion", "print shell completion", COMPLETION_EXAMPLES)
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    return top


RUN_EXAMPLES = """examples:
  hostmon run                            this host's libvirtd, or the demo without one
  hostmon run --uri qemu:///session
  hostmon run --config /etc/hostmon/hostmon.toml
"""
WATCH_EXAMPLES = """examples:
  hostmon watch
  hostmon watch --kind lifecycle --guest web-1
  hostmon watch --json | jq .event
"""
STATUS_EXAMPLES = """examples:
  hostmon status
  hostmon status --json | jq .connection
"""
GUESTS_EXAMPLES = """examples:
  hostmon guests
  hostmon guests --json | jq '.[] | select(.state == "running") | .name'
"""
GUEST_EXAMPLES = """examples:
  hostmon guest show web-1               what it is doing and what it consists of
  hostmon guest diff web-1 web-2         exit code 1 where they differ
  hostmon guest diff web-1 saved.xml     a file's name holds a slash or a dot
  hostmon guest diff web-1               what its next start changes
"""
PLUG_EXAMPLES = """examples:
  hostmon plug web-1 vif bridge mac=52:54:00:12:34:56 bridge=br0
  hostmon plug web-1 volume file target=vdb path=/images/data.raw
  hostmon unplug web-1 volume file target=vdb path=/images/data.raw
types and their keys: docs/driver-api.md
"""
XML_EXAMPLES = """examples:
  hostmon xml check guest.xml            line, place and remedy; exit code 1 on an error
  virsh dumpxml web-1 | hostmon xml check -
"""
DRIVERS_EXAMPLES = """examples:
  hostmon drivers                        what is installed, and what of it runs
  hostmon drivers show prometheus        its settings and their defaults
"""
JOURNAL_EXAMPLES = """examples:
  hostmon journal --since 1h --guest web-1
  hostmon journal --json --kind lifecycle | jq .event
"""
CONFIG_EXAMPLES = """examples:
  hostmon config check deploy/hostmon.toml
  hostmon config show                    every setting in force, defaults included
"""
VERIFY_EXAMPLES = """examples:
  hostmon verify http://127.0.0.1:9000/metrics
  hostmon verify http://127.0.0.1:9000/metrics --settle 60   longer than the longest cadence
"""
KEYS_EXAMPLES = """examples:
  hostmon keys new                       the agent's keys
  hostmon keys new --keys ~/keys rack-7  a client's, on its own machine
  hostmon keys allow rack-7 rack-7.key   let it connect, at once
  hostmon keys revoke rack-7             end its connections, at once
"""
COMPLETION_EXAMPLES = """examples:
  hostmon completion bash > /etc/bash_completion.d/hostmon
"""


def command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
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


def add_plug(made: argparse.ArgumentParser, *, out: bool) -> None:
    """What plug and unplug take."""
    made.add_argument("guest", metavar="GUEST", help="name or uuid")
    made.add_argument("what", choices=("vif", "volume"))
    made.add_argument("type", metavar="TYPE", help="bridge, network, file, block ...")
    made.add_argument("values", nargs="*", metavar="KEY=VALUE", help="lists as JSON")
    made.add_argument("--driver", metavar="NAME", help="instead of the configured one")
    made.add_argument("--uri", metavar="URI", default="qemu:///system", help="libvirt URI")
    add_config(made)
    made.set_defaults(module="plug", out=out)


def add_config(made: argparse.ArgumentParser) -> None:
    """The option that names a configuration."""
    made.add_argument(
        "--config", metavar="FILE", help="default: /etc/hostmon/hostmon.toml where it exists"
    )


def add_json(made: argparse.ArgumentParser, text: str = "as JSON") -> None:
    """The option that chooses output for programs."""
    made.add_argument("--json", action="store_true", help=text)


def add_address(made: argparse.ArgumentParser, option: str, name: str) -> None:
    """The option that says where an agent is reached."""
    made.add_argument(
        option, metavar="ADDRESS", help=f"the agent's socket; default: /run/hostmon/{name}.sock"
    )
    if name == "requests":  # every command that talks to an agent has it
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
