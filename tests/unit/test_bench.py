"""The benchmark front: ratios, turns, its JSON, its chart, its list."""

import json
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from bench import __main__ as front
from bench.front import Options, Result, compare, find, measure, percentile, take_turns
from bench.front.peers import PEERS, Peer
from bench.front.show import svg, table
from bench.inside.spending import WATCHED
from bench.scrape import PEER

RESULTS = [
    compare("wall", "s", [0.001, 0.002, 0.003], "peer <1>", [0.1, 0.2, 0.3]),
    measure("lost", "events", [0, 0, 0]),
]


def test_ratio_says_how_many_times_better_ours_is() -> None:
    assert compare("wall", "s", [2, 1, 3], "p", [20, 20, 20]).ratio == 10
    assert compare("rate", "1/s", [20], "p", [2], more_is_better=True).ratio == 10
    assert compare("lost", "events", [0], "p", [0]).ratio == 1
    assert compare("lost", "events", [0], "p", [7]).ratio is None
    assert compare("lost", "events", [7], "p", [0]).ratio == 0
    missing = compare("wall", "s", [2], "p", None)
    assert (missing.peer, missing.theirs, missing.ratio) == (None, None, None)


def test_figures_are_medians_with_quartiles() -> None:
    result = measure("wall", "s", [1, 2, 3, 4, 100])
    assert (result.ours, result.spread, result.n) == (3, (2, 4), 5)


def test_percentile_is_of_the_nearest_rank() -> None:
    values = list(range(1, 1001))
    assert percentile(values, 50) == 500
    assert percentile(values, 99.9) == 999
    assert percentile([7], 99) == 7


def test_turns_alternate_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []

    def contestant(name: str) -> int:
        order.append(name)
        return len(order)

    measured = take_turns({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, 2)
    assert "".join(order) == "abbaab"
    assert measured == {"a": [4, 5], "b": [3, 6]}


def test_a_missing_peer_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "absent", Peer("absent", "apt install absent", lambda: None))
    missing: list[str] = []
    assert find("absent", missing) is None
    assert missing == ["absent is missing: apt install absent"]


def test_chart_is_xml_and_names_everything() -> None:
    text = "".join(ElementTree.fromstring(svg("events", RESULTS)).itertext())
    for word in ("events", "wall", "lost", "2 ms", "peer <1> 200 ms", "100 times better"):
        assert word in text


def test_table_has_one_line_a_result() -> None:
    lines = table(RESULTS).splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:3] == ["wall", "2", "ms"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A bench of the name ``small``, found beside the real ones."""
    module = ModuleType("bench.small")
    vars(module)["GUESTS"] = 7
    found = {"small": front.Bench("small", "Measures nothing.", ("wall",))}
    monkeypatch.setitem(sys.modules, "bench.small", module)
    monkeypatch.setattr(front, "benches", lambda: found)
    return module


def test_json_has_the_environment_and_the_results(
    small: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(options: Options) -> list[Result]:
        assert options.guests == 9
        options.missing.append("absent is missing: apt install absent")
        return RESULTS

    vars(small)["run"] = run
    target, plots = tmp_path / "out.json", tmp_path / "plots"
    arguments = ["small", "--guests", "9", "--json", str(target), "--plot", str(plots)]
    assert front.main(arguments) == 0
    stored = json.loads(target.read_text())
    assert set(stored) == {"bench", "environment", "results"}
    assert set(stored["environment"]) == {
        "cpus", "kernel", "libvirt", "qemu", "python", "guests", "accel"
    }  # fmt: skip
    assert stored["environment"]["guests"] == 9
    assert stored["results"][0] == {
        "metric": "wall", "unit": "s", "ours": 0.002, "peer": "peer <1>", "theirs": 0.2,
        "ratio": 100, "spread": [0.001, 0.003], "n": 3,
    }  # fmt: skip
    assert stored["results"][1]["peer"] is None
    assert (plots / "small.svg").exists()
    assert "peer absent is missing: apt install absent" in capsys.readouterr().out


def test_a_declared_metric_that_was_not_measured_is_an_error(small: ModuleType) -> None:
    vars(small)["run"] = lambda _: RESULTS[1:]
    with pytest.raises(AssertionError, match="did not measure wall"):
        front.main(["small"])


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        front.main(["nonsense"])
    assert error.value.code == 2
    assert "no bench nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["--minutes", "1"], ["--long", "--minutes", "0"]])
def test_minutes_are_of_what_takes_long(
    given: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        front.main(["scrape", *given])
    assert "--minutes" in capsys.readouterr().err


def test_every_bench_declares_its_metrics() -> None:
    for bench in front.benches().values():
        assert bench.summary, bench.name
        assert bench.metrics, bench.name


def test_watched_processes_are_named_as_the_kernel_names_them() -> None:
    kept = 15
    assert all(len(name) <= kept for name in WATCHED)
    assert any(PEER[:kept].startswith(name) for name in WATCHED)
