"""docs/scheduler.md: its settings, its request's fields and its examples are what there is."""

import re
import tomllib
from pathlib import Path

import msgspec

from hostmon.scheduler import HostTable, Placement, PlacementRequest
from hostmon.scheduler.settings import SchedulerSettings, scheduler_settings
from hostmon.settings import AccountSettings
from tests.unit.scheduler.views import GIB, account, left, table

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "scheduler.md").read_text()


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


def test_who_comes_first_after_a_restart_is_told_as_it_is() -> None:
    """From when on something can be granted: not from the agent's start (decisions 0185, 0221)."""
    seconds = f"{AccountSettings().claim_grace:g}"
    for name in ("docs/operating.md", "docs/scheduler.md", "docs/wire.md", "deploy/hostmon.toml"):
        text = (ROOT / name).read_text()
        before, after = re.search(r"(?s)(.{400})claim_grace\b(.{400})", text).groups()  # type: ignore[union-attr]
        assert re.search(rf"\b{seconds}(\.0)?\b", before[-100:] + after[:100]), name
        assert re.search(r"compared|can\s+grant", before + after), name
        assert not re.search(r"after\s+its\s+start|after the agent has started", before + after), (
            name
        )


def test_the_filter_of_the_page_works() -> None:
    names: dict[str, type] = {}
    exec(block("python"), names)
    hosts: HostTable = table(account(memory=8), account(memory=2))
    hosts.columns.begin()
    names["RoomyFilter"]().narrow(hosts, PlacementRequest(memory=GIB))
    assert left(hosts.columns) == {0}
