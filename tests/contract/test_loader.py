"""The loader: what is found, and how everything unusable is refused."""

from pathlib import Path

import pytest

from hostmon.driver.capabilities import Capabilities, VifCapabilities
from hostmon.driver.options import RunOptions, isolation_of, split
from hostmon.driver.points import POINTS, VIF, Point
from hostmon.driver.versions import API_VERSION, OLDEST_API_VERSION, negotiate
from hostmon.errors import DriverError, SettingsError
from hostmon.loader import checked_options, find_drivers, load
from hostmon.loader.entries import installed
from hostmon.loader.probe import probe
from tests.contract.distribution import make

REFUSED = {
    "import-raises": "can't be imported: RuntimeError: no import of this",
    "import-exits": "can't be imported: its process ended with code 7",
    "no-attribute": "can't be imported: AttributeError",
    "no-driver": "its entry point is no subclass of hostmon.driver.Driver",
    "no-such-topic": "declares the topic 'lifecycel', which is no kind of event",
    "needs-none-of-these": "declares the topics lifecycle and that it needs no events",
    "other-events": "reads events of version 2 to 3, this hostmon writes 1",
    "too-new": "speaks driver API 3 to 4, this hostmon 1 to 2; install a newer hostmon",
    "no-version": "states no API versions",
    "unfinished": "does not implement handle, start, stop",
    "grabs-option": "declares the setting 'required', which is the agent's own",
    "path.like:Name": "has a name that is none",
}


def test_every_unusable_driver_is_refused_alone_and_the_others_are_not(faulty: Path) -> None:
    entries = find_drivers(set(installed()) - {"path.like:Name"})
    for name, entry in entries.items():
        if name in REFUSED:
            assert entry.refusal.startswith(REFUSED[name]), entry
        else:
            assert entry.refusal == "", entry
    assert installed()["path.like:Name"].refusal.startswith(REFUSED["path.like:Name"])
    assert entries["typed"].settings == {"size": 1}
    acts = entries["acts"].capabilities
    assert isinstance(acts, Capabilities)
    assert acts.acts
    assert entries["well"].distribution == "faulty-drivers 1.0"
    assert entries["well"].summary == "Does nothing wrong, and nothing else; base of the others."


def test_an_import_that_blocks_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "endless.py").write_text("import threading\nthreading.Event().wait()\n")
    site = make(tmp_path / "site", "endless", {"endless": "endless:D"}, source)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    assert probe(installed()["endless"], {}, 1.0).refusal == "can't be imported: blocked for 1 s"


def test_two_distributions_with_one_name_are_refused(
    faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(make(tmp_path / "more", "other", {"well": "faulty:Well"}))
    entry = find_drivers(["well"])["well"]
    assert entry.refusal == (
        "two distributions offer this name: faulty-drivers 1.0 and other 1.0; remove one of them"
    )


def test_an_unknown_name_is_told_with_those_that_exist() -> None:
    with pytest.raises(DriverError, match=r"'jurnal' is not installed; did you mean journal\?"):
        find_drivers(["jurnal"])


@pytest.mark.parametrize("name", ["hostmon_drivers.noop:NoopDriver", "../noop", "a/b", "", "Noop"])
def test_a_path_is_no_name(name: str) -> None:
    with pytest.raises(DriverError, match="give the short name of an installed driver, no path"):
        find_drivers([name])


def test_settings_are_checked_against_the_drivers_own_type(faulty: Path) -> None:
    entries = find_drivers(["typed", "noop"], {"typed": {"size": "big"}, "noop": {"greting": ""}})
    assert entries["typed"].settings_error == "drivers.typed: size = 'big': expected int, got str"
    assert "drivers.noop: greting: unknown key; did you mean greeting?" in (
        entries["noop"].settings_error
    )


IN_TREE = {
    "drivers": {"firewall", "inventory", "noop", "journal", "prometheus"},
    "firewall": {"noop", "nwfilter"},
    "vif": {"generic"},
    "virt": {"fake", "libvirt"},
    "volume": {"block", "file", "network"},
}


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_in_tree_drivers_are_there_and_declare_this_version(point: Point) -> None:
    entries = {name: one for name, one in find_drivers(point=point).items() if one.in_tree}
    assert set(entries) == IN_TREE[point.name]
    for entry in entries.values():
        assert entry.refusal == ""
        assert entry.api_version == API_VERSION
        assert entry.deprecations == ()
        assert isinstance(entry.capabilities, point.capabilities)
        assert load(entry.name, point).__doc__


def test_one_mechanism_serves_every_point(
    faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for other points: found by name, refused alone, with the name of what is wrong."""
    points = {"mine": "elsewhere:Mine", "well": "faulty:Well", "blank": "elsewhere:Blank"}
    source = tmp_path / "source"
    source.mkdir()
    (source / "elsewhere.py").write_text(ELSEWHERE)
    site = make(tmp_path / "vifs", "vifs", points, source, group="hostmon.vif")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", f"{faulty}:{site}")
    entries = find_drivers(point=VIF)
    assert {name: entry.refusal for name, entry in entries.items()} == {
        "blank": "does not implement element",
        "generic": "",
        "mine": "",
        "well": "its entry point is no subclass of hostmon.points.VifDriver",
    }
    assert entries["mine"].capabilities == VifCapabilities(types=("bridge",))
    assert entries["mine"].distribution == "vifs 1.0"
    assert find_drivers(["well"])["well"].refusal == "", "the other point's name is another"
    wrong = find_drivers(["mine"], {"mine": {"speed": 1}}, VIF)["mine"]
    assert wrong.settings_error.startswith("vif.mine: speed: unknown key")
    with pytest.raises(DriverError, match=r"vif driver 'genric' .* did you mean generic\?"):
        find_drivers(["genric"], point=VIF)


ELSEWHERE = """
from hostmon.driver import VifCapabilities
from hostmon.points import VifDriver, interface_for

class Blank(VifDriver):
    api_versions = (2, 2)

class Mine(VifDriver):
    api_versions = (2, 2)
    capabilities = VifCapabilities(types=("bridge",))

    def element(self, vif):
        return interface_for(vif, "bridge", bridge=vif.bridge)
"""


@pytest.mark.parametrize(
    ("oldest", "newest", "version"),
    [(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 9, 2), (OLDEST_API_VERSION, 9, API_VERSION)],
)
def test_the_newest_common_version_is_spoken(oldest: int, newest: int, version: int) -> None:
    assert negotiate(oldest, newest) == version


@pytest.mark.parametrize(
    ("oldest", "newest", "text"),
    [(3, 3, "newer hostmon"), (0, 0, "newer driver"), (2, 1, "give the older one first")],
)
def test_no_common_version_is_told(oldest: int, newest: int, text: str) -> None:
    with pytest.raises(DriverError, match=text):
        negotiate(oldest, newest)


def test_another_isolation_is_refused_with_what_there_is() -> None:
    with pytest.raises(SettingsError) as raised:
        checked_options("d", {"isolation": "x"})
    assert str(raised.value) == "drivers.d: isolation = 'x': give one of thread, process"


def test_isolation_is_the_configured_the_declared_or_the_default() -> None:
    plain, wants = Capabilities(), Capabilities(isolation="process")
    assert isolation_of("d", RunOptions(), plain, in_tree=True) == "thread"
    assert isolation_of("d", RunOptions(), plain, in_tree=False) == "process"
    assert isolation_of("d", RunOptions(), wants, in_tree=True) == "process"
    assert isolation_of("d", RunOptions(isolation="thread"), wants, in_tree=False) == "thread"
    assert isolation_of("d", RunOptions(user="nobody"), plain, in_tree=True) == "process"


@pytest.mark.parametrize(
    ("options", "capabilities", "text"),
    [
        (RunOptions(), Capabilities(acts=True), "user is missing: the driver acts; name its user"),
        (RunOptions(isolation="thread"), Capabilities(acts=True), "the driver acts; give process"),
        (RunOptions(isolation="process"), Capabilities(needs_metrics=True), "the agent's memory"),
        (RunOptions(isolation="thread", user="x"), Capabilities(), "only a process has one"),
    ],
)
def test_what_contradicts_the_declaration_is_refused(
    options: RunOptions, capabilities: Capabilities, text: str
) -> None:
    with pytest.raises(SettingsError, match=text):
        isolation_of("d", options, capabilities, in_tree=True)


def test_a_section_holds_the_agents_keys_and_the_drivers() -> None:
    assert split({"required": True, "listen": "x"}) == ({"required": True}, {"listen": "x"})
