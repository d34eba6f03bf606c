"""The agent's own metrics as text: what prometheus-client would write, whoever writes it."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary
from prometheus_client import generate_latest as generate_text
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from hostmon.exposition.own import Costs, OwnPage, Texts, plain_page

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
    assert plain_page(list(registry.collect()), strict, {}) == expected
    own = OwnPage(registry)
    for _ in range(2):
        assert own.page((), strict) == expected


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("kind", [Counter, Gauge, Histogram, Summary, Info, Enum])
def test_others_are_left_to_the_library(kind: type, strict: bool) -> None:
    registry = CollectorRegistry()
    registry.register(Odd())
    more = {"states": ["a", "b"]} if kind is Enum else {}
    kind("own", "One of the library's.", registry=registry, **more)
    assert OwnPage(registry).page((), strict) == library(registry, strict)


def test_what_has_a_time_of_its_own_is_left_to_the_library() -> None:
    class Timed(Collector):
        def collect(self) -> Iterator[Metric]:
            family = GaugeMetricFamily("timed", "With a time.")
            family.add_metric([], 1, timestamp=12)
            yield family

    registry = CollectorRegistry()
    registry.register(Timed())
    assert OwnPage(registry).page((), strict=False) == library(registry, strict=False)


class Moving(Collector):
    """Families that are kept and changed, or made anew, in every way."""

    def __init__(self) -> None:
        self.families: list[Metric] = []

    def collect(self) -> list[Metric]:
        return self.families


def test_whatever_changes_the_page_is_what_the_library_would_write() -> None:
    moving = Moving()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(moving)
    own = OwnPage(registry)

    def check() -> None:
        for strict in (False, True, False):
            assert own.page((), strict) == library(registry, strict)

    check()
    kept = GaugeMetricFamily("kept", "Kept.", labels=["of"])
    moving.families.append(kept)
    check()
    for value in (1, 2, 2, float("nan"), 1e7, 1):
        kept.add_metric([str(value)], value)
        check()
    kept.samples[0] = kept.samples[0]._replace(value=5)
    check()
    kept.samples[0] = kept.samples[0]._replace(labels={"of": "other"})
    check()
    kept.documentation = "Kept and changed."
    check()
    kept.name, kept.unit = "kept_seconds", "seconds"
    kept.samples[:] = [sample._replace(name="kept_seconds") for sample in kept.samples]
    check()
    kept.unit = ""
    check()
    moving.families.append(CounterMetricFamily("anew", "Made anew.", value=1))
    check()
    moving.families[1] = CounterMetricFamily("anew", "Made anew.", value=2)
    check()
    moving.families[1] = GaugeMetricFamily("anew", "Another type.", value=2)
    check()
    moving.families.reverse()
    check()
    kept.samples.clear()
    check()
    moving.families.remove(kept)
    check()


def test_families_that_are_gone_are_not_kept() -> None:
    texts: Texts = {}
    for number in range(100):
        family = GaugeMetricFamily(f"number{number}", "One of many.", value=1)
        plain_page([family], False, texts)
    assert len(texts) <= 3


def test_a_filter_leaves_the_whole_page_as_it_is() -> None:
    registry = CollectorRegistry()
    registry.register(Odd())
    own = OwnPage(registry)
    whole = own.page((), strict=True)
    assert b"texts" not in own.page({"waits_seconds"}, strict=True)
    assert own.page((), strict=True) == whole
