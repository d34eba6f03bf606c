"""The catalogue's own rules, the incumbents' names, and docs/metrics.md, which is made of it."""

import re
from pathlib import Path

import pytest

from hostmon._exposition import COLUMNS, FORMS, SCOPES
from hostmon.figures import machine_figures
from hostmon.machine.identity import MachineIdentity
from hostmon.metrics import CATALOGUE, PROFILES, Form, Metric, Scope, Type
from hostmon.metrics.family import UNITS
from hostmon.metrics.inovex import INOVEX, OWN
from hostmon.metrics.kumina import KUMINA
from hostmon.metrics.page import document

ROOT = Path(__file__).resolve().parents[2]
INOVEX_NAMES = 67
BY_NAME = {metric.name: metric for metric in CATALOGUE}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_family_is_declared_as_the_formats_want_it(metric: Metric) -> None:
    assert re.fullmatch(r"(libvirt|hostmon)_[a-z0-9_]+", metric.name)
    assert (metric.type is Type.COUNTER) == metric.name.endswith("_total")
    assert (metric.type is Type.INFO) == metric.name.endswith("_info")
    assert metric.help.endswith(".")
    assert not re.search(r"_(seconds|bytes)_", metric.family.replace("_per_second", ""))
    if metric.form in (Form.NANO, Form.TICKS, Form.AGE):
        assert metric.unit == "seconds"
    for label in metric.labels:
        assert re.fullmatch(r"[a-z_]+", label)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_column_exists_and_every_name_is_used_once(profile: str) -> None:
    metrics = PROFILES[profile].metrics
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        if metric.scope is not Scope.HOST:
            assert metric.scope in SCOPES
            assert metric.form in FORMS
            assert metric.form is Form.ONE or metric.column in COLUMNS[metric.scope]


def test_families_of_one_name_do_not_clash_with_anothers_samples() -> None:
    samples = [metric.name for metric in CATALOGUE]
    families = {metric.family for metric in CATALOGUE}
    for metric in CATALOGUE:
        if metric.family != metric.name:
            assert metric.family not in samples
    assert len(families) == len(CATALOGUE)
    assert not families & {name for name in samples if name not in families}


def test_what_inovex_counts_hostmon_counts_under_the_name_or_under_a_truer_one() -> None:
    assert len({metric.name for metric in INOVEX}) == INOVEX_NAMES
    own = {metric.name for metric in OWN}
    columns = {(metric.scope, metric.column) for metric in CATALOGUE}
    for metric in INOVEX:
        if metric.name not in own:
            assert metric.name in BY_NAME
            assert BY_NAME[metric.name].type is metric.type
        else:
            assert (metric.scope, metric.column) in columns
            same = BY_NAME.get(metric.name)
            assert same is None or same.type is not metric.type


def test_kuminas_families_bear_units_and_types_that_hostmon_keeps() -> None:
    for metric in KUMINA:
        same = BY_NAME.get(metric.name)
        assert same is None or (same.type, same.unit, same.column) == (
            metric.type, metric.unit, metric.column
        )  # fmt: skip


def test_heads_differ_by_format_where_the_formats_do() -> None:
    counter = BY_NAME["libvirt_domain_vcpu_time_seconds_total"]
    assert "# TYPE libvirt_domain_vcpu_time_seconds_total counter\n" in counter.head(False)
    assert "# TYPE libvirt_domain_vcpu_time_seconds counter\n" in counter.head(True)
    assert "# UNIT libvirt_domain_vcpu_time_seconds seconds\n" in counter.head(True)
    assert "UNIT" not in counter.head(False)
    info = BY_NAME["libvirt_domain_info"]
    assert "# TYPE libvirt_domain_info gauge\n" in info.head(False)
    assert "# TYPE libvirt_domain info\n" in info.head(True)
    quoting = counter._replace(help='A "b" \\ c.\n')
    assert 'A "b" \\\\ c.\\n' in quoting.head(False)
    assert 'A \\"b\\" \\\\ c.\\n' in quoting.head(True)


def test_units_are_those_that_names_may_end_with() -> None:
    assert {metric.unit for metric in CATALOGUE} == {"", *UNITS}


def test_docs_metrics_is_made_of_the_catalogue() -> None:
    made = document()
    path = ROOT / "docs" / "metrics.md"
    assert path.read_text() == made, (
        "run: .venv/bin/python -m hostmon.metrics.page > docs/metrics.md"
    )


def test_the_machine_is_told_by_what_it_knows_of_itself() -> None:
    told = MachineIdentity(manufacturer="IBM", product="", version="", serial="1", family="2817")
    assert machine_figures(told) == {"machine": {("IBM", "", "", "2817"): 1}}
    assert machine_figures(MachineIdentity(serial="1")) != {}
    assert machine_figures(MachineIdentity()) == {}
