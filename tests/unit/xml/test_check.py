"""What check says about documents: the line, the place, what is wrong and what to write."""

from pathlib import Path

import pytest

from hostmon.xml.check import check
from hostmon.xml.schema import SCHEMAS

NEED = "<name>a</name><memory>1</memory><os><type>hvm</type></os>"


def guest(rest: str) -> str:
    return f"<domain type='kvm'>\n{NEED}\n{rest}</domain>"


def said(xml: str | bytes, schemas: Path = SCHEMAS) -> list[str]:
    return [str(problem) for problem in check(xml, schemas)]


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ("<domain>", "line 1: error: document: not well-formed, "),
        (
            "<house/>",
            "line 1: error: house: not a document of libvirt; write one of ",
        ),
        (
            "<domain>\n<vcpu>two</vcpu></domain>",
            "line 2: error: domain/vcpu: 'two' is not a whole number; write one such as '4'",
        ),
        (
            "<disk>\n<source fil='/a'/></disk>",
            "line 2: unknown: disk/source/@fil: unknown attribute; did you mean 'file'?",
        ),
        ("<disk><sorce/></disk>", "line 1: unknown: disk/sorce: unknown element; did you mean "),
    ],
)
def test_without_schemas_the_model_judges(xml: str, says: str, tmp_path: Path) -> None:
    assert said(xml, tmp_path)[0].startswith(says)


def test_applications_metadata_is_theirs(tmp_path: Path) -> None:
    xml = "<domain><metadata><a xmlns='urn:a' b='c'><d/></a></metadata></domain>"
    assert said(xml, tmp_path) == []


needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="install libvirt's schemas (libvirt-daemon)"
)


@needs_schemas
@pytest.mark.parametrize(
    ("rest", "says"),
    [
        ("", []),
        (
            (
                "<devices>\n<disk type='file'><target dev='vda' bus='vrtio'/></disk>"
                "<interface type='bridg'/></devices><fetures/><on_reboot>restrt</on_reboot>"
            ),
            [
                "line 4: error: domain/fetures: unknown element; did you mean 'features'?",
                (
                    "line 4: error: domain/on_reboot: 'restrt' is not allowed here; "
                    "write one of destroy, preserve, rename-restart, restart"
                ),
                (
                    "line 4: error: domain/devices/disk[vda]/target/@bus: 'vrtio' is not allowed "
                    "here; write one of fdc, ide, sata, scsi, sd, uml, usb, virtio, xen"
                ),
                (
                    "line 4: error: domain/devices/interface/@type: 'bridg' is not allowed here; "
                    "write one of bridge, ethernet, null, user"
                ),
            ],
        ),
        (
            "<devices><hostdev mode='subsystem' type='pci'/></devices>",
            [
                (
                    "line 3: error: domain/devices/hostdev: incomplete, or not allowed here; "
                    "add what libvirt requires, or remove it"
                )
            ],
        ),
    ],
)
def test_with_schemas_every_fault_is_found(rest: str, says: list[str]) -> None:
    assert sorted(said(guest(rest))) == sorted(says)


@needs_schemas
def test_where_the_schema_blames_the_whole_the_model_says_what_it_does_not_know() -> None:
    unheard = " ".join(f"{name}='1'" for name in ("privat", "wxy", "xyz", "yyy", "zzz"))
    faults = said(f"<secret private='no' {unheard}><usage type='volume'/></secret>")
    assert "line 1: error: secret/@privat: unknown attribute; did you mean 'private'?" in faults


@needs_schemas
def test_a_device_alone_is_judged_as_in_a_guest() -> None:
    assert said("<disk type='file'><target dev='vda'/></disk>") == []
    assert said("<disk type='fil'><target dev='vda'/></disk>")[0].startswith(
        "line 1: error: disk/@type: 'fil' is not allowed here; write one of "
    )


@needs_schemas
def test_the_document_is_left_as_it_was() -> None:
    from hostmon.xml.parsing import dump, load
    from hostmon.xml.schema import schema_for

    root = load(guest("<vcpus>3</vcpus><os/>"))
    before = dump(root)
    schema = schema_for("domain")
    assert schema is not None
    assert schema.faults(root)
    assert dump(root) == before
