"""docs/scheduler.md: its settings, its request's fields and its examples are what there is."""

import re
import tomllib
from pathlib import Path

import msgspec

from hostmon.scheduler import HostTable, Placement, PlacementRequest
from hostmon.scheduler.settings import SchedulerSettings, scheduler_settings
from tests.unit.scheduler.views import GIB, account, left, table

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "scheduler.md").read_text()


def block(language: str, number: int = 0) -> str:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found[number]


def test_the_settings_shown_are_good_and_all_there_are() -> None:
    shown = tomllib.loads(block("toml"))["scheduler"]
    assert set(shown) == set(SchedulerSettings.__struct_fields__)
    settings = scheduler_settings(shown)
    assert settings.hosts["rack-7"].agent_key
    assert settings.weighers == SchedulerSettings().weighers


def test_every_field_of_requests_and_placements_is_told() -> None:
    for kind in (PlacementRequest, Placement):
        for field in msgspec.structs.fields(kind):
            assert f"`{field.name}`" in PAGE or f'"{field.name}"' in PAGE, field.name


def test_the_filter_of_the_page_works() -> None:
    names: dict[str, type] = {}
    exec(block("python"), names)
    hosts: HostTable = table(account(memory=8), account(memory=2))
    hosts.columns.begin()
    names["RoomyFilter"]().narrow(hosts, PlacementRequest(memory=GIB))
    assert left(hosts.columns) == {0}
