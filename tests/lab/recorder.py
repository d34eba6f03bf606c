"""Writes down the events of a connection's guests, by libvirt's bindings alone."""

import threading
import time
from typing import Any

import libvirt

from hostmon import eventloop, kinds


class Recorder:
    """Every event of one kind or another, as (guest, kind, values); a context manager."""

    def __init__(self, uri: str) -> None:
        eventloop.start()
        self._connection = libvirt.openReadOnly(uri)
        self._changed = threading.Condition()
        self.events: list[tuple[str, str, tuple[Any, ...]]] = []
        self._handles = [
            self._connection.domainEventRegisterAny(None, number, self._record, kind)
            for number, kind in kinds.DOMAIN_KINDS.items()
        ]

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            self._connection.domainEventDeregisterAny(handle)
        self._connection.close()

    def _record(self, _connection: object, domain: libvirt.virDomain, *values: Any) -> None:
        *carried, kind = values
        if kind == "lifecycle":
            event, detail = carried
            carried = [
                kinds.name_of(kinds.LIFECYCLE_EVENTS, event),
                kinds.detail_name(event, detail),
            ]
        with self._changed:
            self.events.append((domain.name(), kind, tuple(carried)))
            self._changed.notify_all()

    def wait(self, guest: str, *wanted: str, deadline_s: float = 10.0) -> None:
        """Wait until these came, in this order, and forget them and what came between.

        Each is a kind, or of lifecycle the event with its detail: ``started booted``.
        AssertionError with what did come.
        """
        end = time.monotonic() + deadline_s
        with self._changed:
            while True:
                mine = [
                    " ".join(map(str, values)) if kind == "lifecycle" else kind
                    for name, kind, values in self.events
                    if name == guest
                ]
                missing = iter(mine)
                if all(one in missing for one in wanted):
                    self.events = [event for event in self.events if event[0] != guest]
                    return
                if not self._changed.wait(end - time.monotonic()):
                    raise AssertionError(f"{guest}: wanted {wanted}, within {deadline_s} s: {mine}")
