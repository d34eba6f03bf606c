"""Kinds of values: what they read, what they refuse, how they write."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostmon.xml.values import (
    HEX2,
    HEX4,
    INT,
    INT_OR_HEX,
    MAX_CPU,
    ON_OFF,
    TEXT,
    UNITS,
    YES_NO,
    Kind,
    cpu_list,
    cpus,
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (INT, "12", 12),
        (INT, " -1 ", -1),
        (INT_OR_HEX, "0x1f", 31),
        (INT_OR_HEX, "017", 15),
        (INT_OR_HEX, "0", 0),
        (HEX2, "0x1F", 31),
        (HEX2, "7", 7),
        (YES_NO, "yes", True),
        (ON_OFF, "off", False),
        (TEXT, "", ""),
    ],
)
def test_reads(kind: Kind[Any], text: str, value: object) -> None:
    assert kind.read(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (INT, "1_000"), (INT, "\u0661"), (INT, "0x10"), (INT, ""), (INT, "9" * 5000),
        (INT_OR_HEX, "1_0"), (INT_OR_HEX, "08"), (INT_OR_HEX, "\u0661"), (HEX2, "x"),
        (YES_NO, "on"), (YES_NO, ""), (ON_OFF, "yes"),
    ],
)  # fmt: skip
def test_refuses_to_read(kind: Kind[Any], text: str) -> None:
    with pytest.raises(ValueError):
        kind.read(text)


@pytest.mark.parametrize(
    ("kind", "value"), [(INT, True), (INT, "1"), (YES_NO, 1), (TEXT, 1), (HEX4, "0x1")]
)
def test_refuses_to_write_what_is_not_of_the_kind(kind: Kind[Any], value: object) -> None:
    with pytest.raises(ValueError):
        kind.write(value)


def test_hexadecimal_is_padded_as_libvirt_pads_it() -> None:
    assert (HEX4.write(0), HEX2.write(10), HEX2.write(0x1FF)) == ("0x0000", "0x0a", "0x1ff")


def test_units() -> None:
    assert UNITS["kib"] == UNITS["k"] == 1024
    assert UNITS["kb"] == 1000
    assert UNITS["eib"] == 1 << 60


def test_cpu_lists() -> None:
    assert cpus("0-3,^2,8") == {0, 1, 3, 8}
    assert cpu_list(frozenset({0, 1, 3, 8, 9})) == "0-1,3,8-9"


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "0-4294967295", "1_0", "1,,2"])
def test_bad_cpu_lists_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        cpus(text)


@given(st.frozensets(st.integers(0, 500), min_size=1))
def test_cpu_lists_read_back(numbers: frozenset[int]) -> None:
    assert cpus(cpu_list(numbers)) == numbers


def test_cpu_lists_that_name_more_than_there_can_be_are_refused() -> None:
    whole = f"0-{MAX_CPU - 1}"
    assert len(cpus(whole)) == MAX_CPU
    for text in ("0-4294967295", f"0-{MAX_CPU}", ",".join([whole] * 10_000)):
        with pytest.raises(ValueError, match="0-"):
            cpus(text)
