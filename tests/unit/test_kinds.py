"""The compiled code's numbers are those of the modules that own them."""

import re
from pathlib import Path

from hostmon import kinds, records

EXT = Path(__file__).resolve().parents[2] / "ext"


def enumerated(source: str, prefix: str) -> dict[str, int]:
    """The members of a declaration file's enums whose names begin so, without that beginning."""
    found = re.findall(rf"^    {prefix}(\w+) = (\d+)", (EXT / source).read_text(), re.MULTILINE)
    return {name: int(number) for name, number in found}


def test_kinds_are_numbered_once() -> None:
    ours = {name.upper().replace("-", "_"): number for name, number in kinds.NUMBERS.items()}
    assert enumerated("kinds.pxd", "KIND_") == ours


def test_no_kind_is_a_bare_number() -> None:
    for path in sorted(EXT.iterdir()):
        bare = re.findall(r".*\bkind(?: ==| =|, \w+ =) \d+.*", path.read_text())
        assert not bare, f"{path.name}: {bare}: name it, from ext/kinds.pxd or ext/record.pxd"


def test_messages_of_the_keeper_are_numbered_alike() -> None:
    names = ("FACTS", "RESYNC_BEGIN", "RESYNC_GUEST", "RESYNC_END", "GONE")
    assert enumerated("record.pxd", "RECORD_") == {
        name: getattr(records, name) for name in names
    } | {"MAX": 65536}
