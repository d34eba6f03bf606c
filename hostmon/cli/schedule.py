"""``hostmon schedule``: requests in, placements out; the hosts' agents hold the room."""

import argparse
import math
import os
import re
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from hostmon.cli.reach import checked, keys
from hostmon.cli.terminal import paint
from hostmon.client import Endpoint
from hostmon.errors import SettingsError
from hostmon.gate import allow_descriptors
from hostmon.printable import printable
from hostmon.scheduler import LostPlacement, Placement, PlacementRequest, Scheduler
from hostmon.scheduler.named import filters_named, weighers_named
from hostmon.scheduler.settings import SchedulerSettings, scheduler_settings
from hostmon.settings import config_path
from hostmon.settings import load as load_settings

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
# Seconds between two looks at the hosts while no request comes.
LOOK_S = 0.1
READ, LONGEST_LINE = 1 << 16, 1 << 20
STDIN = "standard input"
ONE = ("vcpus", "memory", "disk", "page_size", "uuid", "name", "trait", "apart")


def run(options: argparse.Namespace) -> int:
    """Place each request; 1 if there was no room for one of them."""
    settings = settings_of(options)
    endpoints = endpoints_of(options, settings)
    requests = requests_of(options)
    allow_descriptors()
    with Scheduler(
        endpoints,
        filters_named(settings.filters),
        weighers_named(settings.weighers),
        ttl=settings.ttl,
        attempts=settings.attempts,
        on_lost=tell_lost,
    ) as scheduler:
        for away in scheduler.join(options.wait):
            print(f"hostmon: {away.events}: no agent answers; going on without", file=sys.stderr)
        placed = True
        for request in requests(scheduler.update):
            placement = scheduler.place(request)
            placed &= bool(placement.host)
            print(json_line(placement) if options.json else text_line(placement), flush=True)
    return 0 if placed else 1


def settings_of(options: argparse.Namespace) -> SchedulerSettings:
    """The configuration's section, and what the command line says instead."""
    path = config_path(options.config)
    section = dict(load_settings(path).scheduler)
    if options.filter:
        section["filters"] = options.filter
    if options.weigher:
        section["weighers"] = dict(weigher(text) for text in options.weigher)
    if options.ttl is not None:
        section["ttl"] = options.ttl
    return scheduler_settings(section, str(path or ""))


def weigher(text: str) -> tuple[str, float]:
    """NAME, or NAME=MULTIPLIER."""
    name, separator, number = text.partition("=")
    try:
        multiplier = float(number) if separator else 1.0
    except ValueError:
        multiplier = math.nan
    if not math.isfinite(multiplier):
        raise SettingsError(f"--weigher {text!r}: give NAME=NUMBER, such as memory=-1")
    return name, multiplier


def endpoints_of(options: argparse.Namespace, settings: SchedulerSettings) -> list[Endpoint]:
    """The agents that were named, else the configuration's."""
    if not options.endpoint:
        found = settings.endpoints()
        if not found:
            raise SettingsError("schedule: no hosts; give --endpoint, or [scheduler.hosts.NAME]")
        return found
    own = keys(options)
    return [
        Endpoint(checked(events), checked(requests), own) for events, requests in options.endpoint
    ]


def requests_of(
    options: argparse.Namespace,
) -> Callable[[Callable[[], object]], Iterable[PlacementRequest]]:
    """The requests of a file, of standard input as it comes, or the one of the options.

    What is given back is called with what to do while no request comes.
    """
    flags = [name for name in ONE if getattr(options, name)]
    if options.file and flags:
        option = flags[0].replace("_", "-")
        raise SettingsError(f"schedule: FILE and --{option}: give one of them")
    if options.file == "-":
        if sys.stdin is None:
            raise SettingsError(f"{STDIN}: it is closed; give requests there, or a file")
        descriptor = sys.stdin.fileno()
        return lambda meanwhile: lines(STDIN, arriving(descriptor, meanwhile))
    if options.file:
        try:
            with Path(options.file).open("rb") as file:
                read = list(lines(options.file, file))
        except OSError as error:
            raise SettingsError(f"{options.file}: {error.strerror}; give a file to read") from None
        return lambda _: read
    if not flags:
        raise SettingsError("schedule: nothing to place; give FILE, - or --vcpus N")
    wanted = one(options)
    return lambda _: [wanted]


def arriving(descriptor: int, meanwhile: Callable[[], object]) -> Iterator[bytes]:
    """Lines as they come; ``meanwhile`` is called while none does.

    Read without Python's buffer, whose lock no thread may hold when the interpreter ends.
    Raises SettingsError for a line beyond LONGEST_LINE bytes.
    """
    rest = b""
    while True:
        while not select.select([descriptor], [], [], LOOK_S)[0]:
            meanwhile()
        found = os.read(descriptor, READ)
        *whole, rest = (rest + found).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise SettingsError(f"{STDIN}: a line of more than {LONGEST_LINE} bytes; end it")
        if not found:
            yield rest
            return


def tell_lost(lost: LostPlacement) -> None:
    """One line for people: nobody holds this room any more."""
    placement, refused = lost.placement, lost.refused
    what = printable(placement.request.name or placement.request.uuid)
    print(
        f"hostmon: {what}: {printable(placement.host)} began anew and refuses claim "
        f"{placement.claim}: {refused.resource}; place it again",
        file=sys.stderr,
        flush=True,
    )


def lines(source: str, file: Iterable[bytes]) -> Iterator[PlacementRequest]:
    """A request a line; empty lines are passed over."""
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            yield PlacementRequest.parse(line)
        except SettingsError as error:
            raise SettingsError(f"{source}: line {number}: {error}") from None


def one(options: argparse.Namespace) -> PlacementRequest:
    """The request that the options describe."""
    tree = {
        "vcpus": number("--vcpus", options.vcpus or "1", {"": 1}),
        "memory": number("--memory", options.memory or "0"),
        "disk": number("--disk", options.disk or "0"),
        "page_size": number("--page-size", options.page_size or "0"),
        "traits": options.trait,
        "anti_affinity": options.apart,
        "uuid": options.uuid or "",
        "name": options.name or "",
    }
    try:
        return PlacementRequest.parse(msgspec.json.encode(tree))
    except SettingsError as error:
        raise SettingsError(f"schedule: {error}") from None


def number(option: str, text: str, units: dict[str, int] = UNITS) -> int:
    """A whole number with one of these units, in powers of 1024."""
    match = re.fullmatch(r"(\d{1,18})([KMGT]?)", text.upper())
    if match is None or match[2] not in units:
        example = "8G" if units is UNITS else "4"
        raise SettingsError(f"{option} {text!r}: give a whole number, such as {example}")
    return int(match[1]) * units[match[2]]


def json_line(placement: Placement) -> str:
    """For programs."""
    return msgspec.json.encode(placement).decode()


def text_line(placement: Placement) -> str:
    """For people: what, where, and who refused."""
    request = placement.request
    what = printable(request.name or request.uuid)
    refused = ", ".join(
        f"{printable(one.host)} {one.resource}"
        + (f" {one.asked} asked, {one.free} free" if one.asked else "")
        for one in placement.refused
    )
    behind = f"  (refused: {refused})" if refused else ""
    if not placement.host:
        return f"{what}  {paint('not placed', 'red')}  {placement.reason}{behind}"
    return f"{what}  {printable(placement.host)}  claim {placement.claim}{behind}"
