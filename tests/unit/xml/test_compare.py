"""Differences between two documents, by path."""

import pytest

from hostmon.xml.compare import compare
from hostmon.xml.documents import parse

GUEST = """<domain type='kvm'><name>a</name><memory unit='KiB'>1024</memory>
<cpu><feature policy='require' name='x'/><feature policy='require' name='y'/></cpu>
<devices>
 <disk type='file'><source file='/a'/><target dev='vda'/></disk>
 <disk type='file'><source file='/b'/><target dev='vdb'/></disk>
 <input type='mouse' bus='ps2'/>
 <sound model='ich6'/><sound model='ac97'/>
 <strange/>
</devices></domain>"""


def differences(left: str, right: str) -> list[str]:
    return [str(difference) for difference in compare(parse(left), parse(right))]


def test_a_document_does_not_differ_from_itself() -> None:
    assert differences(GUEST, GUEST) == []


def test_order_comments_and_indentation_do_not_count() -> None:
    other = GUEST.replace("\n", "").replace("<name>", "<!-- n --><name>")
    first = "<disk type='file'><source file='/a'/><target dev='vda'/></disk>"
    other = other.replace(first, "").replace("<devices>", "<devices>" + first)
    swapped = other.replace("<sound model='ich6'/><sound model='ac97'/>", "").replace(
        "<strange/>", "<strange/><sound model='ac97'/><sound model='ich6'/>"
    )
    assert differences(GUEST, swapped) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<name>a<", "<name>b<", ["~ domain/name: a -> b"]),
        ("unit='KiB'", "unit='MiB'", ["~ domain/memory/@unit: KiB -> MiB"]),
        (" unit='KiB'", "", ["- domain/memory/@unit: KiB"]),
        ("'/b'", "'/c'", ["~ domain/devices/disk[vdb]/source/@file: /b -> /c"]),
        ("<strange/>", "", ["- domain/devices/strange: <strange/>"]),
        ("<strange/>", "<strange new='1'/>", ["+ domain/devices/strange/@new: 1"]),
        (
            "<feature policy='require' name='x'/>", "",
            ["- domain/cpu/feature[x]: <feature policy=\"require\" name=\"x\"/>"],
        ),
        (
            "'vdb'", "'vdc'",
            [
                ('- domain/devices/disk[vdb]: <disk type="file"><source file="/b"/>'
                '<target dev="vdb"/></disk>'),
                ('+ domain/devices/disk[vdc]: <disk type="file"><source file="/b"/>'
                '<target dev="vdc"/></disk>'),
            ],
        ),
        ("model='ac97'", "model='sb16'", ["~ domain/devices/sound[2]/@model: ac97 -> sb16"]),
        ("<sound model='ich6'/>", "", ['- domain/devices/sound[1]: <sound model="ich6"/>']),
    ],
)  # fmt: skip
def test_differences_name_the_place(old: str, new: str, says: list[str]) -> None:
    assert old in GUEST
    assert differences(GUEST, GUEST.replace(old, new)) == says


def test_documents_of_different_kinds_differ_as_a_whole() -> None:
    assert differences("<secret/>", "<pool/>") == ["~ secret: <secret/> -> <pool/>"]
