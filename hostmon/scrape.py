"""Reads what an exporter serves, in either format, and refuses what no exporter should serve.

Prometheus accepts duplicate series and interleaved families, and promtool does not see them, so
this does. Fetching is the caller's.
"""

import re
from collections.abc import Iterator

import msgspec
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from hostmon.errors import ProtocolError

OPENMETRICS = "application/openmetrics-text"

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]

SUFFIXES = {
    "counter": ("_total", "_created"),
    "info": ("_info",),
    "summary": ("_sum", "_count", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
}
"""What the samples' names of a type add to the family's."""

METADATA = re.compile(r"# (?:TYPE|HELP|UNIT) (\S+) ?(\S*)")
SAMPLE = re.compile(r"([^\s{#]+)")


class Scrape(msgspec.Struct, frozen=True):
    """One scrape: the type of every sample's name and the value of every series."""

    types: dict[str, str]
    values: dict[Key, float]

    def names(self) -> set[str]:
        """The names that samples have."""
        return {name for name, _ in self.values}


def read(body: bytes, content_type: str) -> Scrape:
    """A scrape from a body; ProtocolError says what is wrong with it."""
    strict = content_type.startswith(OPENMETRICS)
    try:
        text = body.decode()
        families = list(openmetrics(text) if strict else plain(text))  # type: ignore[no-untyped-call]
    except (ValueError, KeyError, IndexError) as error:
        raise ProtocolError(f"exposition does not parse: {error}") from error
    check_grouping(text)
    types: dict[str, str] = {}
    values: dict[Key, float] = {}
    for family in families:
        for key, value in series(family):
            if key in values:
                raise ProtocolError(f"exposition has the series {show(key)} twice")
            types[key[0]] = family.type
            values[key] = value
    return Scrape(types, values)


def series(family: Metric) -> Iterator[tuple[Key, float]]:
    """Every series of a family with its value."""
    for sample in family.samples:
        yield (sample.name, tuple(sorted(sample.labels.items()))), float(sample.value)


def show(key: Key) -> str:
    """A series as a person writes it."""
    name, labels = key
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels) + "}"


def check_grouping(text: str) -> None:
    """Refuse a family whose lines do not stand together."""
    seen: set[str] = set()
    owner: dict[str, str] = {}
    current = ""
    for line in text.split("\n"):
        metadata = METADATA.match(line)
        found = metadata or SAMPLE.match(line)
        if not found:
            continue
        name = found[1] if metadata else owner.get(found[1], found[1])
        if line.startswith("# TYPE"):
            owner |= {name + suffix: name for suffix in SUFFIXES.get(found[2], ())}
        if name == current:
            continue
        if name in seen:
            raise ProtocolError(f"exposition has the family {name} in more than one place")
        seen.add(name)
        current = name
