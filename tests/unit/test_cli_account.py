"""The account, the choice of a page and the comparison with another exporter, as commands."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from hostmon.account import FilesystemAccount, HostAccount, Resource
from hostmon.cli.status import account_lines, page, size
from hostmon.status import ReadingStatus
from tests.agent_process import AgentProcess, agent, hostmon, wait_for
from tests.unit.test_own_metrics import STATUS

CONFIG = """
[account]
vcpu_ratio = 4.0
reserved_vcpus = 2
audit = 1
[metrics]
off = ["libvirt_domain_state"]
on = ["libvirt_domain_vcpu_maximum"]
without = ["disk"]
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    with agent(tmp_path_factory.mktemp("account"), config=CONFIG) as running:
        yield running


def test_status_tells_the_account(demo: AgentProcess) -> None:
    wait_for(lambda: demo.ask("status")["audited_at"] > 0)
    status = demo.ask("status")
    account = status["account"]
    assert (account["vcpus"]["allocation_ratio"], account["vcpus"]["reserved"]) == (4.0, 2)
    assert account["vcpus"]["total"] > 0
    assert account["defined"] == 20
    assert account["vcpus"]["allocated"] >= account["vcpus"]["used"] > 0
    assert account["memory"]["allocated"] > account["vcpus"]["allocated"] << 20
    assert account["disk_available_least"] is None  # the demo's host is not this machine
    text = hostmon("status", "--requests", demo.requests).stdout
    assert "2 reserved" in text
    assert "ago, healed: nothing" in text


def test_metrics_are_as_configured(demo: AgentProcess) -> None:
    wait_for(lambda: "hostmon_host_audit_timestamp_seconds" in demo.metrics())
    page = demo.metrics()
    names = {series.partition("{")[0] for series in page}
    assert {
        "hostmon_host_vcpus_used", "hostmon_host_memory_bytes", "libvirt_domain_vcpu_maximum",
        "libvirt_network_active", "libvirt_storage_pool_capacity_bytes",
        "hostmon_lifecycle_events_total", "hostmon_resync_events_total", "hostmon_guests_skipped",
        "hostmon_host_audit_healed_total",
    } <= names  # fmt: skip
    assert not {"libvirt_domain_state", "libvirt_domain_block_stats_info"} & names
    assert page["hostmon_host_vcpus_reserved"] == 2
    assert page['hostmon_host_audit_disagreement{resource="vcpus"}'] == 0
    account = demo.ask("status")["account"]
    assert page["hostmon_host_vcpus"] == account["vcpus"]["total"]


def test_verify_agrees_with_itself_and_finds_what_is_missing(demo: AgentProcess) -> None:
    ours = f"http://127.0.0.1:{demo.port}/metrics"
    only = f"{ours}?collect[]=libvirt_domains"
    result = hostmon("verify", f"{only}&collect[]=libvirt_up", "--requests", demo.requests)
    assert result.returncode == 0, result.stderr
    assert "2 of 2 series agree" in result.stdout
    result = hostmon("verify", ours, "--ours", only, "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert {finding["verdict"] for finding in report["findings"]} == {"only the incumbent has it"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("verify", "localhost:9000"), "give http://HOST:PORT/metrics"),
        (("run", "--demo", "--metrics-profile", "kumine"), "give one of ['hostmon', 'kumina'"),
    ],
)
def test_wrong_arguments_are_one_line(arguments: tuple[str, ...], text: str) -> None:
    result = hostmon(*arguments)
    assert result.returncode == 2
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_wrong_families_are_found_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "hostmon.toml"
    path.write_text('[metrics]\non = ["libvirt_domain_stat"]\n')
    result = hostmon("config", "check", str(path))
    assert result.returncode == 2
    assert str(path) in result.stderr
    assert "did you mean libvirt_domain_state?" in result.stderr


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (ReadingStatus(unresolved=2), ""),
        (ReadingStatus(denied=("process_io",)), "permission to read process_io"),
        (ReadingStatus(unresolved=2, barred=1), "permission to read processes of guests (1)"),
    ],
)
def test_status_tells_which_permission_lacks(reading: ReadingStatus, text: str) -> None:
    lines = page(msgspec.structs.replace(STATUS, reading=reading)).splitlines()
    assert "".join(line for line in lines if line.startswith("lacks")).removeprefix("lacks") == (
        f"     {text}" if text else ""
    )


def test_sizes_for_people() -> None:
    assert [size(n) for n in (0, 1023, 1536, 5 << 30, 3 << 40, -(1 << 30))] == [
        "0 B", "1023 B", "1.5 KiB", "5 GiB", "3 TiB", "-1 GiB",
    ]  # fmt: skip
    account = HostAccount(
        vcpus=Resource(8, 1, 2.0, used=4, held=2, allocated=6),
        memory=Resource(4 << 30),
        disk=Resource(0),
        defined=3,
        active=1,
        held=1,
        changes=9,
    )
    lines = account_lines(account)
    assert lines["vcpus"] == "4 (2 held) of 8 x 2 used, 10 free, 1 reserved, 6 allocated"
    assert lines["memory"] == "0 B of 4 GiB used, 4 GiB free, 0 B allocated"
    assert lines["disk"] == "not looked at"
    account = msgspec.structs.replace(account, surveyed_ns=1)
    assert account_lines(account)["disk"] == "none known on local filesystems"
    seen = account_lines(msgspec.structs.replace(account, disk=Resource(2 << 30, used=1 << 30)))
    assert seen["disk"] == "1 GiB of 2 GiB used, 0 B allocated, available least unknown"


def test_status_tells_filesystems_and_which_are_shared() -> None:
    gib = 1 << 30
    text = page(
        msgspec.structs.replace(
            STATUS,
            filesystems=(
                FilesystemAccount("/", "ext4", False, 100 * gib, 60 * gib, 20 * gib, 40 * gib, 3),
                FilesystemAccount("/n", "nfs", True, 9 * gib, 5 * gib, 0, None, 9, 1),
                FilesystemAccount("/h", "xfs", images=1, unknown=1),
                FilesystemAccount("", images=1, unknown=1),
            ),
        )
    )
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("images"))
    assert [line[10:] for line in lines[first : first + 4]] == [
        "/ (ext4): 60 GiB of 100 GiB available, images may grow by 20 GiB, 40 GiB available least",
        "/n (nfs, shared): 5 GiB of 9 GiB available, images may grow by 0 B, 1 of 9 images unknown",
        "/h (xfs): no answer, 1 of 1 images unknown",
        "without a place, 1 of 1 images unknown",
    ]
    assert "images  " not in page(STATUS)
