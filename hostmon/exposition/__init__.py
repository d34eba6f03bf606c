"""The metric page: one render for scrapes that come together, plain and compressed.

Brings together the guests' part (``hostmon._exposition``), the host's figures and the agent's own
registry. Any thread may ask for a page; one renders, the others wait for it. A page is given out in
the pieces that it was rendered in: joining them takes longer than rendering. Must not know HTTP,
and must not call libvirt.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum

from prometheus_client import CollectorRegistry

from hostmon._table import GuestTable
from hostmon.exposition.book import Book
from hostmon.exposition.own import Costs, OwnPage, refuse_clashes
from hostmon.exposition.sources import BY_KERNEL, Sources
from hostmon.exposition.squeeze import Buffer, Squeezer
from hostmon.labels import Describe
from hostmon.machine.boot import BootTime
from hostmon.metrics.choice import choose, known_profile

SHARED_NS = 100_000_000
"""Scrapes within this time share one render."""

Figures = Mapping[str, float | Mapping[tuple[str, ...], float]]
"""Host figures by column: a value, or values by the family's label values; absent is unknown."""


class Format(Enum):
    """The formats, by their media type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


Key = tuple[str, Format, frozenset[str]]
"""What tells one page from another: profile, format, families asked for."""

Page = tuple[bytes | memoryview, ...]
"""A page in pieces, in order. Each stays as it is, and in memory, for as long as it is kept."""


class Render:
    """One page, until the next is rendered; compressed when that is first asked for."""

    def __init__(self, key: Key, at_ns: int, pieces: list[Buffer]) -> None:
        self.key = key
        self.at_ns = at_ns
        self.pieces = pieces
        self.plain: Page = tuple(
            piece if isinstance(piece, bytes) else memoryview(piece) for piece in pieces
        )
        self.gzipped: Page = ()


class Exposition:
    """Renders pages from a guest table, host figures and a registry.

    ``describe`` gives a guest's facts, ``figures`` the host's; ``fresh`` is called before each
    render and may bring the kernel's columns up to date. ``on`` and ``off`` name families apart
    from the catalogue's defaults; ``without`` names devices whose series are left out (vcpu, disk,
    interface). ``sources`` says who fills the columns: what libvirt was asked for is left out once
    it is older than two of its cadences. Raises SettingsError for a name that there is not.
    """

    def __init__(
        self,
        table: GuestTable,
        describe: Describe,
        figures: Callable[[], Figures],
        registry: CollectorRegistry,
        *,
        profile: str = "hostmon",
        fresh: Callable[[], object] = lambda: None,
        on: Collection[str] = (),
        off: Collection[str] = (),
        without: Collection[str] = (),
        sources: Sources = BY_KERNEL,
        boot: BootTime | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._table = table
        self._describe = describe
        self._figures = figures
        self._own = OwnPage(registry)
        self._profile = known_profile(profile).name
        self._fresh = fresh
        self._choice = (frozenset(on), frozenset(off), frozenset(without))
        self._boot = boot or BootTime()
        self._clock_ns = clock_ns
        self.costs = Costs()
        self._lock = threading.Lock()
        self._books: dict[str, Book] = {}
        self._sources = sources
        self._last: Render | None = None
        self._squeezer = Squeezer()
        refuse_clashes(registry)
        self._book(self._profile)

    def page(
        self,
        form: Format = Format.TEXT,
        *,
        compressed: bool = False,
        collect: Iterable[str] = (),
        profile: str = "",
    ) -> bytes:
        """What :meth:`pieces` gives, as one; of a page that is not compressed a copy."""
        return b"".join(self.pieces(form, compressed=compressed, collect=collect, profile=profile))

    def pieces(
        self,
        form: Format = Format.TEXT,
        *,
        compressed: bool = False,
        collect: Iterable[str] = (),
        profile: str = "",
    ) -> Page:
        """A page, gzipped if ``compressed``; ``collect`` names families, none is all of them.

        Those who share a render have the same object. Raises SettingsError if there is no such
        profile.
        """
        name = known_profile(profile).name if profile else self._profile
        key = (name, form, frozenset(collect))
        with self._lock:
            book = self._book(name)
            now = self._clock_ns()
            last = self._last
            if last is None or last.key != key or now - last.at_ns >= SHARED_NS:
                # A piece that is kept has to be copied where its family changed.
                last = self._last = None
                last = self._last = Render(key, now, self._render(book, form, key[2]))
            if compressed and not last.gzipped:
                last.gzipped = (self._squeezer.gzipped(last.pieces),)
            return last.gzipped if compressed else last.plain

    @property
    def memory(self) -> int:
        """Bytes that guests' labels in all profiles in use, and compressed parts kept, take."""
        with self._lock:
            labels = sum(book.renderer.memory for book in self._books.values())
            return labels + self._squeezer.memory

    def _book(self, name: str) -> Book:
        """The profile's plan, made when it is first asked for."""
        if name not in self._books:
            profile = known_profile(name)
            metrics = choose(profile, *self._choice)
            self._books[name] = Book(profile, metrics, self._describe, self._sources)
        return self._books[name]

    def _render(self, book: Book, form: Format, wanted: frozenset[str]) -> list[Buffer]:
        """A whole page, in pieces."""
        strict = form is Format.OPENMETRICS
        began = time.perf_counter()
        self._fresh()
        snapshot = self._table.snapshot()
        host = book.host_page(self._figures(), wanted, strict)
        book.renderer.boot_ticks = self._boot.ticks()
        book.renderer.refresh(snapshot)
        guests = book.renderer.render(snapshot, strict, book.flags(wanted))
        own = self._own.page(wanted, strict)
        self.costs.took(time.perf_counter() - began)
        return [host, *guests, own]
