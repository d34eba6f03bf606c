"""The driver API as it is, against what each version promised and what docs/driver-api.md says."""

import inspect
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostmon.driver import (
    API_VERSION,
    Capabilities,
    Driver,
    DriverContext,
    VirtCapabilities,
    sinks,
    virt,
)
from hostmon.driver.capabilities import Declared
from hostmon.driver.contract import calls_of, type_name
from hostmon.driver.options import RunOptions
from hostmon.driver.points import POINTS, Point
from hostmon.driver.versions import DEPRECATIONS
from hostmon.driver.virt import VirtConnection, VirtDriver
from hostmon.errors import HostmonError

VIRT_TYPES = (
    virt.VirtContext,
    virt.GuestDescription,
    virt.HostDescription,
    virt.NetworkDescription,
    virt.PoolDescription,
    virt.Reading,
    virt.ImageCacheReport,
    virt.Busy,
    virt.Mark,
    sinks.GuestStats,
    sinks.VcpuStats,
    sinks.DiskStats,
    sinks.InterfaceStats,
)
GOLDEN = Path(__file__).parent / f"api-{API_VERSION}.json"
DOCUMENT = (Path(__file__).parents[2] / "docs" / "driver-api.md").read_text()


def api_of(base: type) -> dict[str, Any]:
    """Every call of a base class: parameters, return, exceptions, since when."""
    return {
        name: {
            "parameters": [str(p) for p in inspect.signature(vars(base)[name]).parameters.values()],
            "returns": type_name(one.returns),
            "raises": sorted(error.__name__ for error in one.raises),
            "since": one.since,
        }
        for name, one in calls_of(base).items()
    }


def fields_of(struct: type[msgspec.Struct]) -> dict[str, str]:
    return {
        field.name: f"{field.type} = {field.default!r}" for field in msgspec.structs.fields(struct)
    }


def api() -> dict[str, Any]:
    return {
        "calls": api_of(Driver),
        "capabilities": fields_of(Capabilities),
        "options": fields_of(RunOptions),
        "context": list(DriverContext.__struct_fields__),
        "points": {point.group: point.stable for point in POINTS},
        "virt": {
            "calls": api_of(VirtDriver),
            "connection": api_of(VirtConnection),
            "capabilities": fields_of(VirtCapabilities),
            "types": {struct.__name__: fields_of(struct) for struct in VIRT_TYPES},
        },
        "experimental": {
            point.group: {
                "calls": api_of(point.base),
                "capabilities": fields_of(point.capabilities),
            }
            for point in POINTS
            if not point.stable
        },
    }


def test_the_api_is_what_its_version_promised() -> None:
    """A change here is a new version: see docs/driver-api.md, then write its golden file."""
    assert api() == json.loads(GOLDEN.read_text())


BASES = [*(point.base for point in POINTS if point.stable), VirtConnection]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_a_lost_exception_or_a_wider_return_fails(
    base: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of the stable points, one at a time."""
    for name, one in calls_of(base).items():
        function = vars(base)[name]
        with monkeypatch.context() as lost:
            if one.raises:
                lost.setitem(function.__dict__, "contract", (one.raises[1:], one.since))
                with pytest.raises(AssertionError) as told:
                    test_the_api_is_what_its_version_promised()
                print(f"{base.__name__}.{name} without {one.raises[0]}: {told.value!s:.60}...")
        with monkeypatch.context() as wider:
            wider.setitem(function.__annotations__, "return", one.returns | complex)
            with pytest.raises(AssertionError) as told:
                test_the_api_is_what_its_version_promised()
            print(f"{base.__name__}.{name} returning complex too: {told.value!s:.60}...")
    test_the_api_is_what_its_version_promised()


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_the_document_lists_every_call_with_its_exceptions(point: Point) -> None:
    listed(f"`{point.group}`", point.base)


def test_the_document_lists_the_calls_of_a_virt_connection() -> None:
    listed("a connection", VirtConnection)


def listed(heading: str, base: Any) -> None:
    """The section's rows are the calls of a base class."""
    lines = DOCUMENT.partition(f"## Calls of {heading}\n")[2].partition("\n## ")[0].splitlines()
    for name, one in calls_of(base).items():
        row = next(line for line in lines if line.startswith(f"| `{name}("))
        parameters = list(inspect.signature(vars(base)[name]).parameters)[1:]
        assert row.startswith(f"| `{name}({', '.join(parameters)})` |"), row
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        returns = re.sub(r"[a-z_.]+\.(?=[A-Z])", "", type_name(one.returns))
        assert cells[1] == f"`{returns.replace(' | ', ' or ')}`", row
        named = set(re.findall(r"`(\w+)`", cells[2]))
        assert named == {error.__name__ for error in one.raises}, row
        assert cells[3] == str(one.since), row
    assert sum(line.startswith("| `") for line in lines) == len(calls_of(base))


def rows_of(struct: type[msgspec.Struct], text: str) -> None:
    """Each field has a row that shows its default."""
    for field in msgspec.structs.fields(struct):
        shown = json.dumps(field.default) if field.default not in ((), None) else ""
        row = next(line for line in text.splitlines() if line.startswith(f"| `{field.name}`"))
        if not isinstance(field.default, tuple):
            assert f"| {shown} |" in row or f"| `{shown}` |" in row, row


def test_the_document_lists_every_capability_option_point_and_deprecation() -> None:
    rows_of(RunOptions, DOCUMENT)
    for point in POINTS:
        heading = f"## Capabilities of `{point.group}`\n"
        rows_of(point.capabilities, DOCUMENT.partition(heading)[2].partition("\n## ")[0])
        assert issubclass(point.capabilities, Declared)
        assert f"| `{point.group}` | {point.since} | {'stable' if point.stable else 'experi'}" in (
            DOCUMENT
        )
    for one in DEPRECATIONS:
        row = next(line for line in DOCUMENT.splitlines() if line.startswith(f"| `{one.name}`"))
        assert f"`{one.successor}`" in row
        assert f"| {one.last + 2} |" in row


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_errors_that_may_cross_say_who_is_at_fault(point: Point) -> None:
    for one in calls_of(point.base).values():
        for error in one.raises:
            assert issubclass(error, HostmonError)
            assert error.__doc__
