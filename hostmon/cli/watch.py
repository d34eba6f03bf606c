"""``hostmon watch``: events of a running agent, as they come."""

import argparse
import sys
import time
import uuid

import msgspec

from hostmon import wire
from hostmon.cli.reach import asked, watched
from hostmon.cli.terminal import STATE_COLOURS, paint
from hostmon.client import Repair, Subscriber
from hostmon.client import guests as ask_guests
from hostmon.errors import SettingsError
from hostmon.events import DomainEvent, Event, HeartbeatEvent, LifecycleEvent
from hostmon.kinds import CLASS_OF
from hostmon.printable import printable
from hostmon.suggest import suggestion

COMMON = {field.name for field in msgspec.structs.fields(DomainEvent)}
# What a guest is after its event: the event itself says as much to a person.
STANDING = {"state", "reason", "persistent"}


def run(options: argparse.Namespace) -> int:
    """Print events until interrupted, or until ``--count`` of them were shown."""
    endpoint = watched(options)
    check_kind(options.kind)
    guest = guest_uuid(options) if options.guest else None
    if sys.stdout.isatty() and not options.json:
        print(paint(f"watching {endpoint.events}; end with Ctrl-C", "dim"), file=sys.stderr)
    shown = 0
    with Subscriber(endpoint, kind=options.kind, guest=guest, on_repair=tell) as subscriber:
        while options.count is None or shown < options.count:
            event = subscriber.receive()
            if event is None or (isinstance(event, HeartbeatEvent) and options.kind != "heartbeat"):
                continue
            print(json_line(event) if options.json else text_line(event), flush=True)
            shown += 1
    return 0


def check_kind(kind: str | None) -> None:
    """Raise SettingsError for a kind of event that there is not."""
    if kind and kind not in CLASS_OF:
        near = suggestion(kind, CLASS_OF)
        raise SettingsError(f"--kind {kind!r}: {near}kinds: {', '.join(CLASS_OF)}")


def guest_uuid(options: argparse.Namespace) -> str:
    """The uuid of the guest that ``--guest`` names, asked of the agent where it is a name."""
    try:
        return str(uuid.UUID(options.guest))
    except ValueError:
        pass
    known = {guest.name: guest.uuid for guest in ask_guests(asked(options)).guests}
    if options.guest not in known:
        near = suggestion(options.guest, known)
        raise SettingsError(f"--guest {options.guest!r}: the agent knows no such guest; {near}")
    return known[options.guest]


def tell(repair: Repair) -> None:
    """Say what was missed."""
    line = {
        "replay": f"missed {repair.events} events; they follow",
        "snapshot": "missed events; the agent no longer has them",
        "nothing": f"missed {repair.lost} events; nobody has them"
        if repair.lost
        else "missed events",
    }[repair.by]
    print(paint(f"{line} ({repair.reason})", "red"), file=sys.stderr, flush=True)


def json_line(event: Event) -> str:
    """The event as one JSON object."""
    return msgspec.json.encode(event).decode()


def text_line(event: Event) -> str:
    """The event for a person: time, guest, kind, and what the kind adds."""
    stamp = time.strftime("%H:%M:%S", time.localtime(event.time_ns / 1e9))
    millis = event.time_ns // 1_000_000 % 1000
    name = printable(getattr(event, "name", "") or event.host)
    hidden = COMMON | STANDING if isinstance(event, LifecycleEvent) else COMMON
    parts = []
    for field in msgspec.structs.fields(event):
        if field.name not in hidden:
            value = getattr(event, field.name)
            parts.append(describe(field.name, value))
    if event.truncated:
        parts.append(paint("(truncated)", "yellow"))
    if event.origin != "live":
        parts.append(paint(f"({event.origin})", "blue"))
    return (
        f"{paint(f'{stamp}.{millis:03d}', 'dim')}  {name:<24}  {wire.kind_of(event):<14}  "
        f"{'  '.join(parts)}"
    ).rstrip()


def describe(name: str, value: object) -> str:
    """One field: libvirt's names by themselves, everything else with its key."""
    if name in {"event", "detail", "state"}:
        return paint(printable(str(value)), STATE_COLOURS.get(str(value)))
    if isinstance(value, tuple):
        text = " ".join(
            "=".join(str(part) for part in msgspec.structs.astuple(item)) for item in value
        )
    elif isinstance(value, msgspec.Struct):
        text = ":".join(str(part) for part in msgspec.structs.astuple(value))
    else:
        text = "-" if value is None else str(value)
    return f"{paint(name + '=', 'dim')}{printable(text)}"
