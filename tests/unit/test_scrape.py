"""The reader of scrapes: the OpenMetrics vectors, and the faults that Prometheus lets pass."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hostmon.errors import ProtocolError
from hostmon.scrape import read, show

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def test_openmetrics_vectors_are_judged_as_they_say(corpus: Callable[[str], Path]) -> None:
    cases = sorted(corpus("openmetrics").rglob("test.json"))
    assert cases
    wrong = []
    for case in cases:
        want = json.loads(case.read_text())["shouldParse"]
        try:
            read((case.parent / "metrics").read_bytes(), OPENMETRICS)
        except ProtocolError:
            got = False
        else:
            got = True
        if got != want:
            wrong.append((case.parent.name, want))
    assert not wrong


def test_both_formats_give_the_same_series() -> None:
    lines = 'a_total{x="1"} 2.0\nb{x="\\"\\\\\\n"} 3.0\n'
    text = read(f"# TYPE a_total counter\n{lines}".encode(), TEXT)
    strict = read(f"# TYPE a counter\n{lines}# EOF\n".encode(), OPENMETRICS)
    assert text.values == strict.values
    assert text.types["a_total"] == strict.types["a_total"] == "counter"
    assert text.values["b", (("x", '"\\\n'),)] == 3.0
    assert text.names() == {"a_total", "b"}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('a{x="1"} 1\na{x="1"} 2\n', "twice"),
        ('a{x="1",y="2"} 1\na{y="2",x="1"} 1\n', "twice"),
        ("a 1\nb 1\na{x='1'} 1\n".replace("'", '"'), "more than one place"),
        ("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# HELP a again\n", "more than one place"),
        ("# TYPE a summary\na_sum 1\nb 1\na_count 1\n", "more than one place"),
        ('a{x="1" 1\n', "does not parse"),
        ("a one\n", "does not parse"),
        ("\xff 1\n", "does not parse"),
    ],
)
def test_faults_are_refused(body: str, fault: str) -> None:
    with pytest.raises(ProtocolError, match=fault):
        read(body.encode("latin-1"), TEXT)


def test_neighbours_whose_names_differ_by_a_suffix_are_two_families() -> None:
    body = "# TYPE a gauge\na 1\n# TYPE a_total counter\na_total 1\n# TYPE b gauge\nb 1\n"
    assert read(body.encode(), TEXT).names() == {"a", "a_total", "b"}


def test_show_writes_a_series_as_a_person_does() -> None:
    assert show(("a", (("x", "1"), ("y", "2")))) == 'a{x="1",y="2"}'
