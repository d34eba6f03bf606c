"""What a guest tells and does on libvirt's test driver; tests/lab does it for real."""

import threading
from collections.abc import Callable
from typing import Any, cast

import libvirt
import pytest

from hostmon.errors import (
    ArgumentError,
    DeviceNotFoundError,
    GuestStateError,
    GuestTimeoutError,
    NotConnectedError,
    UnsupportedError,
)
from hostmon.events import LifecycleEvent
from hostmon.guest import Guest
from hostmon.guest.description import key_of
from hostmon.guest.facts import REASONS
from hostmon.guest.signals import KINDS
from hostmon.kinds import NUMBERS, STATES
from hostmon.xml.documents import parse
from tests.unit.conftest import MakeHost, guest_xml

DEVICES = """
<disk type='file'><source file='/images/a.raw'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
<interface type='user'><mac address='52:54:00:00:00:01'/></interface>
<sound model='ich9'/><sound model='ac97'/>
"""
URI = "https://example.org/inventory"


def test_the_names_of_reasons_are_libvirts() -> None:
    for state in STATES:
        prefix = f"VIR_DOMAIN_{state.upper()}_"
        constants = {
            getattr(libvirt, name): name.removeprefix(prefix).lower().replace("_", "-")
            for name in dir(libvirt)
            if name.startswith(prefix)
        }
        # SHUTDOWN_ and PMSUSPENDED_DISK_ begin other enumerations as well.
        for number, name in enumerate(REASONS[state]):
            if number in constants and state not in {"shutdown", "pmsuspended"}:
                assert constants[number] == name
        if state not in {"shutdown", "pmsuspended"}:
            assert set(constants) <= set(range(len(REASONS[state])))


def test_state_follows_the_guest(make_host: MakeHost) -> None:
    guest = make_host().define(guest_xml("life"))
    assert str(guest.state()) == "shutoff (unknown)"
    assert (guest.is_active(), guest.is_persistent(), guest.id) == (False, True, -1)
    guest.launch()
    assert str(guest.state()) == "running (booted)"
    assert guest.is_active()
    assert guest.facts().vcpus == 2
    guest.suspend()
    assert str(guest.state()) == "paused (user)"
    guest.resume()
    assert str(guest.state()) == "running (unpaused)"
    with pytest.raises(GuestStateError, match="life: resume"):
        guest.resume()
    guest.power_off()
    assert str(guest.state()) == "shutoff (destroyed)"
    guest.undefine()


def test_devices_by_stable_key(make_host: MakeHost) -> None:
    guest = make_host().define(guest_xml("keys", devices=DEVICES))
    devices = guest.devices()
    assert {"disk[vda]", "disk[sda]", "interface[52:54:00:00:00:01]"} < set(devices)
    assert [key for key in devices if key.startswith("sound")] == ["sound[#1]", "sound[#2]"]
    assert set(guest.disks()) == {"vda", "sda"}
    assert set(guest.interfaces()) == {"52:54:00:00:00:01"}
    assert guest.device("disk[vda]") == guest.disks()["vda"]
    assert key_of(parse("<sound model='ich9'><alias name='ua-x'/></sound>")) == "sound[ua-x]"
    with pytest.raises(DeviceNotFoundError, match=r"no disk\[vdb\]; .*disk\[vda\], disk\[sda\]"):
        guest.device("disk[vdb]")


def test_metadata_by_namespace(make_host: MakeHost) -> None:
    guest = make_host().create(guest_xml("metadata"))
    assert guest.title() is guest.description() is guest.metadata(URI) is None
    with guest.watch("metadata-change") as watch:
        guest.set_metadata(URI, "inv", "<room>12</room>")
        event = watch.wait(timeout=5)
    assert getattr(event, "nsuri", None) == URI
    assert guest.metadata(URI) == "<room>12</room>"
    guest.set_title("web")
    guest.set_description("the shop's front")
    assert (guest.title(), guest.description()) == ("web", "the shop's front")
    assert guest.metadata("https://example.org/other") is None
    guest.set_metadata(URI, "inv", None)
    guest.set_title(None)
    assert guest.metadata(URI) is guest.title() is None


WRONG: dict[str, tuple[Callable[[Guest], object], str]] = {
    "watch": (lambda g: g.watch("job-complete"), r"kind = 'job-complete': did you mean job-compl"),
    "shutdown": (lambda g: g.shutdown(mode="acpy"), r"mode = 'acpy': did you mean acpi\? give one"),
    "reboot": (lambda g: g.reboot(mode=cast("str", 7)), "mode = 7: give one of default, acpi"),
    "save": (lambda g: g.save("/s", paused=cast("bool", "no")), "paused = 'no': give one of None"),
    "undefine": (lambda g: g.undefine(nvram=cast("None", "dorp")), "nvram = 'dorp': .*drop"),
    "abort": (lambda g: g.abort_block_job("vda", how=cast("Any", "x")), "how = 'x': give one of c"),
}


@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_choice_is_told_with_those_there_are(make_host: MakeHost, call: str) -> None:
    guest = make_host().create(guest_xml("wrong"))
    wrong, message = WRONG[call]
    with pytest.raises(ArgumentError, match=message):
        wrong(guest)
    assert guest.state().name == "running"


def test_a_choice_newer_than_libvirt_is_unsupported(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = make_host().define(guest_xml("older"))
    monkeypatch.delattr(libvirt, "VIR_DOMAIN_UNDEFINE_TPM")
    with pytest.raises(UnsupportedError, match="this libvirt has no VIR_DOMAIN_UNDEFINE_TPM"):
        guest.undefine(tpm="drop")


def test_a_change_lasts_by_default(make_host: MakeHost) -> None:
    host = make_host()
    persistent, transient = host.define(guest_xml("kept")), host.create(guest_xml("passing"))
    live, config = libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG
    assert persistent.affect(None, None) == config
    persistent.launch()
    assert persistent.affect(None, None) == live | config
    assert persistent.affect(None, False) == live
    assert persistent.affect(False, None) == config
    assert transient.affect(None, None) == live


def test_a_watch_sees_its_guest_alone(make_host: MakeHost) -> None:
    host = make_host()
    one, other = host.define(guest_xml("one")), host.define(guest_xml("other"))
    with one.watch("lifecycle") as watch, one.watch("lifecycle") as second:
        other.launch()
        one.launch()
        event = watch.wait(timeout=5)
        assert isinstance(event, LifecycleEvent)
        assert (event.name, event.event, event.detail) == ("one", "started", "booted")
        assert event.uuid == str(one.uuid)
        assert second.wait(timeout=5) == event
        assert watch.wait(timeout=0.01) is None
    one.power_off()
    assert watch.wait(timeout=0.01) is None, "its block has ended"


def test_who_waits_learns_of_a_lost_connection(make_host: MakeHost) -> None:
    host = make_host()
    guest = host.define(guest_xml("waits"))
    raised: list[BaseException] = []
    with guest.watch("lifecycle") as watch:

        def wait() -> None:
            try:
                watch.wait(timeout=30)
            except NotConnectedError as error:
                raised.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        host.close()
        thread.join(5)
    assert len(raised) == 1


def test_every_watched_kind_has_a_number() -> None:
    assert set(KINDS) <= set(NUMBERS)


def test_a_guest_that_ignores_the_request_times_out(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest = make_host().create(guest_xml("deaf"))
    asked: list[int] = []
    monkeypatch.setattr(guest._domain, "shutdownFlags", asked.append)
    with pytest.raises(GuestTimeoutError, match=r"deaf: still runs 0\.2 s"):
        guest.shutdown(0.2, again_every=0.05)
    assert len(asked) >= 3
    monkeypatch.setattr(guest._domain, "reboot", asked.append)
    with pytest.raises(GuestTimeoutError, match="has not rebooted"):
        guest.reboot(0.05)


def test_every_method_tells_what_it_may_raise() -> None:
    for name in dir(Guest):
        if not name.startswith("_"):
            assert getattr(Guest, name).__doc__, f"Guest.{name} lacks a docstring"
