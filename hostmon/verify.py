"""Compares a running exporter's scrape with hostmon's, series by series, before a switch.

The incumbent is scraped before and after hostmon, and a value of ours must lie between its two: so
a counter that runs needs no tolerance, and one that stands must be equal. Only times may miss two
of the kernel's ticks. Must change nothing anywhere.
"""

import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from enum import StrEnum

import msgspec

from hostmon.errors import ProtocolError
from hostmon.scrape import Key, Scrape, read, show

ACCEPT = "text/plain;version=0.0.4"
TIMEOUT_S = 60.0
ROUNDING = 1e-9
"""Relative difference that printing and reading a float may make."""

TICKS_S = 0.02
"""What a time may miss that the kernel gives in 10 ms ticks, of user and of system time each."""

MARKS = {"libvirt_domains_number": "kumina", "libvirt_domain_info_state": "inovex"}
"""A name that tells which incumbent this is, and the profile that reproduces it."""


class Verdict(StrEnum):
    """What is wrong with one series."""

    MISSING = "only the incumbent has it"
    TYPE = "another type"
    BEHIND = "older than the incumbent's: read again after hostmon's cadence"
    DIFFERENT = "another value"


class Finding(msgspec.Struct, frozen=True):
    """One series that does not agree: the incumbent's two values, and ours."""

    series: str
    verdict: Verdict
    before: float
    after: float
    ours: float | None


class Report(msgspec.Struct, frozen=True):
    """What a comparison found."""

    profile: str
    compared: int
    agreed: int
    only_ours: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every series of the incumbent is there and right."""
        return not self.findings

    def lines(self) -> Iterator[str]:
        """The report as a person reads it."""
        for finding in self.findings:
            values = f"{finding.before:g} to {finding.after:g}, here {finding.ours}"
            yield f"{finding.series}: {finding.verdict} ({values})"
        yield (
            f"{self.agreed} of {self.compared} series agree (profile {self.profile}); "
            f"hostmon has {self.only_ours} more"
        )


def compare(
    before: Scrape, ours: Scrape, after: Scrape, prefix: str = "libvirt_", profile: str = ""
) -> Report:
    """Hold ours against the incumbent's two scrapes, over the names that begin with ``prefix``.

    A series that the incumbent has in one of its two scrapes alone came or went meanwhile, and is
    not judged.
    """
    theirs = {
        key for key in before.values.keys() & after.values.keys() if key[0].startswith(prefix)
    }
    found = (judge(key, before, ours, after) for key in sorted(theirs))
    findings = tuple(finding for finding in found if finding)
    return Report(
        profile=profile,
        compared=len(theirs),
        agreed=len(theirs) - len(findings),
        only_ours=len(ours.values.keys() - before.values.keys()),
        findings=findings,
    )


def judge(key: Key, before: Scrape, ours: Scrape, after: Scrape) -> Finding | None:
    """What is wrong with one series, if anything."""
    low, high = sorted((before.values[key], after.values[key]))
    value = ours.values.get(key)
    kinds = before.types[key[0]], ours.types.get(key[0])
    slack = TICKS_S if key[0].endswith("_seconds_total") else 0.0
    verdict = None
    if value is None:
        verdict = Verdict.MISSING
    elif kinds[0] != kinds[1] and "unknown" not in kinds:
        verdict = Verdict.TYPE
    elif math.isnan(low) or math.isnan(high) or math.isnan(value):
        verdict = None if math.isnan(value) and math.isnan(high) else Verdict.DIFFERENT
    elif value < low - abs(low) * ROUNDING - slack:
        verdict = Verdict.BEHIND if kinds[0] == "counter" else Verdict.DIFFERENT
    elif value > high + abs(high) * ROUNDING + slack:
        verdict = Verdict.DIFFERENT
    if verdict is None:
        return None
    return Finding(show(key), verdict, before.values[key], after.values[key], value)


def fetch(url: str) -> Scrape:
    """One scrape of a URL; ProtocolError names it and says what went wrong."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ProtocolError(f"{url!r} is no address to scrape: give http://HOST:PORT/metrics")
    request = urllib.request.Request(url, headers={"Accept": ACCEPT})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            body, content_type = answer.read(), answer.headers.get("Content-Type", "")
    except (urllib.error.URLError, OSError) as error:
        raise ProtocolError(f"{url} does not answer: {error}; is it running there?") from error
    try:
        return read(body, content_type)
    except ProtocolError as error:
        raise ProtocolError(f"{url}: {error}") from error


def profile_of(incumbent: Scrape) -> str:
    """The profile that reproduces an incumbent, empty for hostmon's own names."""
    return next((MARKS[name] for name in MARKS if name in incumbent.types), "")


def verify(
    incumbent: str,
    ours: str,
    settle_s: float = 0.0,
    fetch: Callable[[str], Scrape] = fetch,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Compare the scrape at ``incumbent`` with the agent's at ``ours``.

    ``settle_s`` is waited between the incumbent's first scrape and ours: with a cadence of the
    libvirt columns or more, none of them can be behind.
    """
    before = fetch(incumbent)
    profile = profile_of(before)
    if profile:
        ours = f"{ours}{'&' if '?' in ours else '?'}profile={profile}"
    sleep(settle_s)
    mine = fetch(ours)
    return compare(before, mine, fetch(incumbent), profile=profile or "hostmon")
