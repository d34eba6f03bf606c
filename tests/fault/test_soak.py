"""The soak's own logic: its command line, its sizes, its verdict. The faults are others' tests."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.fault import soak
from tests.fault.injected import FAULTS
from tests.fault.summary import summary

STRUCK: dict[str, Any] = {
    "fault": "libvirtd-killed", "virsh_saw": 7, "subscriber_saw": 9, "gaps": 1, "behind_gaps": 2,
    "resynced": 3, "lost": 0, "recovery_s": 0.2, "slowest_scrape_s": 0.02,
    "memory_before_mib": 30.0, "memory_after_mib": 31.0, "fds_before": 50, "fds_after": 51,
    "threads_before": 19, "threads_after": 20,
}  # fmt: skip
NAMED: dict[str, Any] = {"fault": "garbage", "recovery_s": 1.5, "slowest_scrape_s": 0.5}


@pytest.fixture
def no_faults(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the two halves of a soak give, without running them."""
    given: dict[str, Any] = {"failed": [], "wrong": "", "skipped": {}}
    monkeypatch.setattr(soak, "missing", lambda: None)
    monkeypatch.setattr(
        soak,
        "run_named",
        lambda _: soak.Named([NAMED], given["failed"], {"garbage"}, given["skipped"]),
    )
    monkeypatch.setattr(soak, "run_random", lambda *_: ([STRUCK, STRUCK], given["wrong"]))
    return given


def test_list_names_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--list"]) == 0
    names = [line.partition(":")[0].split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == list(soak.documented())
    assert set(FAULTS) <= set(names)


@pytest.mark.parametrize("wrong", [["--only", "nothing"], ["0"], ["-5"], ["many"]])
def test_wrong_usage_is_exit_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        soak.main(wrong)
    assert ended.value.code == 2
    assert "soak: error" in capsys.readouterr().err


def test_figures_of_a_soak_that_held(
    no_faults: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert soak.main(["1", "--seed", "5", "--json", str(tmp_path / "out.json")]) == 0
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["seed"] == 5
    assert told["held"]
    assert told["random"] == [STRUCK, STRUCK]
    assert told["summary"]["virsh_saw"] == 14
    assert told["summary"]["max_recovery_of"] == "garbage"
    printed = capsys.readouterr().out
    assert "seed 5" in printed
    assert "lost 0" in printed
    assert "memory 30.0 -> 31.0 MiB" in printed
    assert printed.endswith("the invariant held after every fault\n")


@pytest.mark.parametrize("broken", [{"failed": ["test_x"]}, {"wrong": "the view is wrong"}])
def test_a_broken_invariant_is_exit_code_1(
    no_faults: dict[str, Any], broken: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    no_faults.update(broken)
    assert soak.main(["1"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_what_was_skipped_is_listed(
    no_faults: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    no_faults["skipped"] = {"modular": "no daemons"}
    assert soak.main(["1"]) == 0
    printed = capsys.readouterr().out
    assert "skipped: modular: no daemons\n" in printed
    assert printed.endswith("the invariant held after every fault that was injected\n")


def test_what_was_asked_for_and_skipped_fails(
    no_faults: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    no_faults["skipped"] = {"modular": "no daemons"}
    assert soak.main(["1", "--only", "garbage", "--only", "modular"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED: modular was asked for, and no test of it ran\n" in printed
    assert "FAILED: garbage" not in printed
    assert printed.endswith("nothing says that the invariant holds\n")


def test_a_soak_of_nothing_does_not_hold(
    no_faults: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak, "run_named", lambda _: soak.Named())
    monkeypatch.setattr(soak, "run_random", lambda *_: ([], ""))
    assert soak.main(["1"]) == 1


def test_a_fault_that_runs_nowhere_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOSTMON_MODULAR_DAEMONS", raising=False)
    found = soak.run_named(["modular"])
    assert (found.injected, found.failed, list(found.skipped)) == (set(), [], ["modular"])
    assert found.skipped["modular"]
    assert soak.lacking(found, ["modular"]) == ["modular"]
    capsys.readouterr()


def test_a_seed_chooses_the_same_sizes_and_none_is_beyond() -> None:
    sizes = {"count": 4, "seconds": 3.0}
    first = [soak.at_random(sizes, chance) for chance in [random.Random(9)] for _ in range(50)]
    again = [soak.at_random(sizes, chance) for chance in [random.Random(9)] for _ in range(50)]
    assert first == again
    assert {one["count"] for one in first} == {1, 2, 3, 4}
    assert all(1.5 <= one["seconds"] <= 4.5 for one in first)


def test_a_summary_of_nothing() -> None:
    assert summary([], [])["lost"] == 0
