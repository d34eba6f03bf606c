"""The agent's own metrics as text: what prometheus-client would write, whoever writes it."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client import generate_latest as generate_text
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from hostmon.exposition.own import Costs, plain_page, registry_page

VALUES = (0, 1, -1, 0.1, 1e-9, 123456789.0, 1e22, float("inf"), float("-inf"), float("nan"), True)


class Odd(Collector):
    """Families with every character and value that may make a difference."""

    def collect(self) -> Iterator[Metric]:
        values = GaugeMetricFamily("values", 'Help with \\ and "quotes"\nand lines.', labels=["of"])
        for number, value in enumerate(VALUES):
            values.add_metric([str(number)], value)
        yield values
        labels = CounterMetricFamily("texts", "Labels.", labels=["z", "a"])
        labels.add_metric(['quote " back \\ line \n', "ü\u2028"], 5)
        labels.add_metric(["", ""], 0)
        yield labels
        yield GaugeMetricFamily("waits_seconds", "With a unit.", value=3, unit="seconds")
        yield GaugeMetricFamily("nothing", "Without a series.", labels=["of"])


def library(registry: CollectorRegistry, strict: bool) -> bytes:
    page: bytes = (generate_openmetrics if strict else generate_text)(registry)
    return page


@pytest.mark.parametrize("strict", [False, True])
def test_plain_families_are_written_as_the_library_does(strict: bool) -> None:
    registry = CollectorRegistry()
    registry.register(Odd())
    registry.register(Costs())
    expected = library(registry, strict)
    assert plain_page(registry.collect(), strict) == expected
    assert registry_page(registry, (), strict) == expected


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", [Counter, Gauge, Histogram, Summary, Info, Enum])
def test_others_are_left_to_the_library(kind: type, strict: bool) -> None:
    registry = CollectorRegistry()
    registry.register(Odd())
    more = {"states": ["a", "b"]} if kind is Enum else {}
    kind("own", "One of the library's.", registry=registry, **more)
    assert registry_page(registry, (), strict) == library(registry, strict)


def test_what_has_a_time_of_its_own_is_left_to_the_library() -> None:
    class Timed(Collector):
        def collect(self) -> Iterator[Metric]:
            family = GaugeMetricFamily("timed", "With a time.")
            family.add_metric([], 1, timestamp=12)
            yield family

    registry = CollectorRegistry()
    registry.register(Timed())
    assert registry_page(registry, (), strict=False) == library(registry, strict=False)
