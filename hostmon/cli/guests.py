"""``hostmon guests``: the guests a running agent knows."""

import argparse

import msgspec

from hostmon.cli.reach import asked
from hostmon.cli.terminal import amount, table
from hostmon.client import guests as ask_guests


def run(options: argparse.Namespace) -> int:
    """Ask, print."""
    answer = ask_guests(asked(options))
    if options.json:
        print(msgspec.json.encode(answer.guests).decode())
        return 0
    rows = [
        (
            guest.name,
            str(guest.state) if guest.presence == "present" else guest.presence,
            str(guest.vcpus),
            amount(guest.memory),
            f"{guest.cpu_time_ns / 1e9:.1f} s",
            guest.uuid,
        )
        for guest in sorted(answer.guests, key=lambda guest: guest.name)
    ]
    print(table(("name", "state", "vcpus", "memory", "cpu time", "uuid"), rows))
    return 0
