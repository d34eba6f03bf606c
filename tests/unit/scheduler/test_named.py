"""Filters and weighers by name: what is installed, and one clear line for what is not."""

import sys

import pytest

from hostmon.errors import SettingsError
from hostmon.scheduler import Filter, named
from hostmon.scheduler.filters import VcpusFilter


def test_every_name_of_this_tree_loads() -> None:
    names = named.installed(named.FILTERS)
    assert set(names) >= set(named.DEFAULT_FILTERS)
    assert list(named.filters_named(names)) == names
    assert isinstance(named.filters_named(["vcpus"])["vcpus"], VcpusFilter)
    weighers = named.weighers_named(dict.fromkeys(named.installed(named.WEIGHERS), -2.0))
    assert {"vcpus", "memory", "disk"} <= set(weighers)
    assert all(multiplier == -2.0 for _, multiplier in weighers.values())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("vcpu", "did you mean vcpus?"),
        ("os:system", "is not installed"),
        ("", "is not installed"),
    ],
)
def test_another_name_is_refused(name: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        named.filters_named([name])
    assert says in str(raised.value)
    assert "installed: " in str(raised.value)


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(SettingsError, match="is no Filter"):
        named.loaded("hostmon.weighers", "vcpus", Filter)


def test_without_stevedore_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stevedore.driver", None)
    with pytest.raises(SettingsError, match=r"install hostmon\[scheduler\]"):
        named.filters_named(["vcpus"])
