"""What the commands' options have in common: what they are called, and which values they take."""

import argparse
import contextlib
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


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
    made.add_argument("type", metavar="TYPE", help="what it is: bridge, network, file, block ...")
    made.add_argument(
        "values", nargs="*", metavar="KEY=VALUE", help="what its type takes; lists as JSON"
    )
    made.add_argument(
        "--driver", metavar="NAME", help="the driver that plugs it; default: the configured one"
    )
    uri_option(made)
    config_option(made)
    made.set_defaults(module="plug", out=out)


def uri_option(made: argparse.ArgumentParser) -> None:
    """The option that names the hypervisor of a command that asks it itself."""
    made.add_argument(
        "--uri", metavar="URI", default="qemu:///system", help="libvirt's; default: %(default)s"
    )


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
        option, metavar="ADDRESS", help=f"the agent's {name}; default: /run/hostmon/{name}.sock"
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
    with contextlib.suppress(ValueError):
        if 0 <= (number := float(text)) <= 3600:
            return number
    raise argparse.ArgumentTypeError(f"{text!r}: give seconds, 0 to 3600")


def count(text: str) -> int:
    """A whole number of at least 1."""
    with contextlib.suppress(ValueError):
        if (number := int(text)) >= 1:
            return number
    raise argparse.ArgumentTypeError(f"{text!r}: give a whole number, at least 1")
