"""``hostmon verify``: another exporter's scrape beside ours, series by series, before a switch."""

import argparse

import msgspec

from hostmon.cli.reach import asked
from hostmon.client import status as ask_status
from hostmon.errors import AgentUnreachableError, SettingsError
from hostmon.verify import Report, verify


def run(options: argparse.Namespace) -> int:
    """Scrape, compare, print; 1 if a series of the other's is missing or differs."""
    for name, url in (("URL", options.url), ("--ours", options.ours)):
        if url is not None and not url.startswith(("http://", "https://")):
            raise SettingsError(f"{name} {url!r}: give http://HOST:PORT/metrics")
    report = verify(options.url, options.ours or own_page(options), settle_s=options.settle)
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        print("\n".join(report.lines()))
        tell_how(report)
    return 0 if report.ok else 1


def own_page(options: argparse.Namespace) -> str:
    """Where the running agent serves its metrics."""
    status = ask_status(asked(options))
    if not status.web_addresses:
        raise AgentUnreachableError(
            "the agent serves no page: run its driver prometheus, or give --ours"
        )
    return f"{status.web_addresses[0]}metrics"


def tell_how(report: Report) -> None:
    """What to configure, so that dashboards keep working."""
    if report.profile != "hostmon":
        print(f'profile = "{report.profile}" under [metrics] serves these names by default')
