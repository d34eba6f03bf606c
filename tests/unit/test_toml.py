"""What is shown of a configuration is one: the same, read again."""

import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostmon.cli import config
from hostmon.cli.parser import parser
from hostmon.settings import Settings, load
from hostmon.toml import toml_key, toml_lines, toml_string

# What no TOML file can hold: halves of surrogate pairs.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = (
    TEXT
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.sampled_from([None, UTC]))
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
FINITE = st.floats(-1e9, 1e9)
HOST = st.fixed_dictionaries({"events": st.just("ipc:///e"), "requests": st.just("tcp://h:1")})


@given(tree=st.dictionaries(TEXT, VALUES))
def test_a_tree_is_the_same_read_again(tree: dict[str, Any]) -> None:
    assert tomllib.loads("\n".join(toml_lines(tree))) == tree


@given(text=st.text())
def test_a_key_is_one_line_that_moves_no_cursor(text: str) -> None:
    assert toml_key(text).isprintable()
    assert toml_string(text).isprintable()


def test_what_toml_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="None: TOML has no NoneType"):
        toml_lines({"x": None})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hosts=st.dictionaries(TEXT, HOST, max_size=3),
    memory=FINITE,
    host=TEXT.filter(lambda text: len(text) <= 60),
    drivers=st.sampled_from([{}, {"prometheus": {}}]),
)
def test_what_is_shown_is_good_and_the_same(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    hosts: dict[str, Any],
    memory: float,
    host: str,
    drivers: dict[str, Any],
) -> None:
    scheduler = {"hosts": hosts, "weighers": {"memory": memory}}
    given_file, shown = tmp_path / "given.toml", tmp_path / "shown.toml"
    tree = {"agent": {"host": host}, "drivers": drivers, "scheduler": scheduler}
    given_file.write_text("\n".join(toml_lines(tree)), encoding="utf-8")
    capsys.readouterr()
    assert config.run(parser().parse_args(["config", "show", str(given_file)])) == 0
    shown.write_text(capsys.readouterr().out, encoding="utf-8")
    assert config.run(parser().parse_args(["config", "check", str(shown)])) == 0
    assert load(shown) == load(given_file)
    assert load(shown).scheduler == scheduler
    assert load(shown) != Settings() or not (hosts or memory)


def test_times_stay_times() -> None:
    tree = {"day": date(2024, 2, 29), "at": time(1, 2, 3), "when": datetime(2024, 1, 1, tzinfo=UTC)}
    assert toml_lines(tree) == [
        "day = 2024-02-29",
        "at = 01:02:03",
        "when = 2024-01-01T00:00:00+00:00",
    ]
