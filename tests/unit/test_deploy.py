"""What an operator installs: the sample configuration, the unit, the scrape configuration."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hostmon import settings as module
from hostmon.keys import AGENT, SECRET_SUFFIX, SYSTEM_KEYS
from hostmon.scheduler.settings import SchedulerSettings, scheduler_settings
from hostmon.settings import SYSTEM_RUNTIME, Settings, load
from hostmon_drivers.prometheus.driver import PrometheusSettings
from hostmon_drivers.virt_libvirt import LibvirtSettings
from hostmon_drivers.virt_libvirt.readings import Cadences

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SAMPLE = DEPLOY / "hostmon.toml"
UNIT = DEPLOY / "hostmon.service"
COMMENTED = re.compile(r"(?m)^# (?=[a-z_]+ = )")


def program(name: str) -> str:
    path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def test_sample_loads_as_it_is() -> None:
    virt: dict[str, Any] = {"libvirt": {"cadences": {}, "image_cache": {}}}
    empty = msgspec.structs.replace(Settings(), drivers={"prometheus": {}}, virt=virt)
    assert load(SAMPLE) == empty


@pytest.fixture
def uncommented(tmp_path: Path) -> Path:
    path = tmp_path / "hostmon.toml"
    path.write_text(COMMENTED.sub("", SAMPLE.read_text()))
    return path


def test_what_the_sample_shows_is_the_default(
    uncommented: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "runtime_directory", lambda: SYSTEM_RUNTIME)
    shown, default = load(uncommented), Settings()
    assert shown.bus.events_addresses == default.bus.events_addresses
    assert shown.bus.requests_addresses == default.bus.requests_addresses
    bus = msgspec.structs.replace(shown.bus, events=(), requests="")
    assert msgspec.structs.replace(shown, bus=bus, drivers={}, virt={}, scheduler={}) == default
    assert scheduler_settings(shown.scheduler) == SchedulerSettings()
    assert msgspec.convert(shown.virt["libvirt"], LibvirtSettings) == LibvirtSettings()
    assert set(shown.virt["libvirt"]["cadences"]) == set(Cadences.__struct_fields__)
    assert msgspec.convert(shown.drivers["prometheus"], PrometheusSettings) == PrometheusSettings()


def test_sample_shows_every_key(uncommented: Path) -> None:
    tree: dict[str, Any] = tomllib.loads(uncommented.read_text())
    for section in msgspec.structs.fields(Settings):
        kind = SchedulerSettings if section.name == "scheduler" else section.type
        if section.name not in {"drivers", "virt", "vif", "volume"}:
            keys = {field.name for field in msgspec.structs.fields(kind)}
            assert set(tree[section.name]) == keys, section.name


def test_unit_is_accepted_by_systemd(tmp_path: Path) -> None:
    # Verifying wants the program to exist; where it is installed is not this machine's matter.
    stand_in = tmp_path / "hostmon"
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    text, count = re.subn(r"(?m)^ExecStart=\S+", f"ExecStart={stand_in}", UNIT.read_text())
    assert count == 1
    copy = tmp_path / "hostmon.service"
    copy.write_text(text)
    result = subprocess.run(
        [program("systemd-analyze"), "verify", str(copy)], capture_output=True, text=True
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_unit_has_no_privilege() -> None:
    lines = UNIT.read_text().splitlines()
    for wanted in ("DynamicUser=yes", "NoNewPrivileges=yes", "CapabilityBoundingSet="):
        assert wanted in lines
    assert not [line for line in lines if re.match(r"(Group|SupplementaryGroups)=", line)]


def test_unit_passes_the_secret_on_where_there_is_one() -> None:
    secret = f"{AGENT}{SECRET_SUFFIX}"
    lines = UNIT.read_text().splitlines()
    assert f"LoadCredential={secret}:{SYSTEM_KEYS / secret}" in lines
    # Without a default systemd would not start a host that has no keys.
    assert f"SetCredential={secret}:none" in lines


def test_prometheus_accepts_the_scrape_configuration() -> None:
    result = subprocess.run(
        [program("promtool"), "check", "config", str(DEPLOY / "prometheus.yml")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert PrometheusSettings().listen in (DEPLOY / "prometheus.yml").read_text()
