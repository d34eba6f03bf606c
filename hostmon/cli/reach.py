"""Where a command finds its agent: addresses and keys from the command line."""

import argparse
from pathlib import Path

from hostmon.client import ClientKeys, Endpoint
from hostmon.errors import SettingsError
from hostmon.keys import load_pair, load_public
from hostmon.settings import check_address, check_uri, default_socket


def asked(options: argparse.Namespace) -> Endpoint:
    """The agent to ask: as given, else this host's."""
    address = checked(options.requests or default_socket("requests.sock"))
    return Endpoint("", address, keys(options))


def watched(options: argparse.Namespace) -> Endpoint:
    """The agent to subscribe to; where only its events are given, gaps are not repaired."""
    events = checked(options.events or default_socket("events.sock"))
    if options.requests:
        return Endpoint(events, checked(options.requests), keys(options))
    beside = default_socket("requests.sock") if options.events is None else ""
    return Endpoint(events, beside, keys(options))


def check_option_uri(uri: str) -> None:
    """Raise SettingsError for what is given as --uri and is none."""
    try:
        check_uri(uri)
    except ValueError as error:
        raise SettingsError(f"--uri {uri!r}: {error}") from None


def checked(address: str) -> str:
    """The address, if it is one."""
    try:
        check_address(address)
    except ValueError as error:
        raise SettingsError(f"address {address!r}: {error}") from None
    return address


def keys(options: argparse.Namespace) -> ClientKeys | None:
    """The keys that were given; both, or none."""
    if bool(options.key) != bool(options.agent_key):
        raise SettingsError("--key and --agent-key: give both, or none")
    if not options.key:
        return None
    return ClientKeys(load_pair(Path(options.key)), load_public(options.agent_key))
