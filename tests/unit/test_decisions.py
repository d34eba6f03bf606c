"""The records of decisions: each has a number of its own, and who refers to one finds it."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
TEXTS = [
    path
    for folder in ("hostmon", "ext", "drivers", "tests", "bench", "docs", "deploy")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".pyx", ".pxd", ".pxi", ".md", ".toml"}
]


def test_no_number_is_given_twice() -> None:
    numbers = Counter(path.name[:4] for path in RECORDS)
    assert [number for number, count in numbers.items() if count > 1] == []


@pytest.mark.parametrize("path", RECORDS, ids=lambda p: p.name)
def test_a_record_is_headed_by_its_number(path: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
    assert re.match(rf"# 0*{int(path.name[:4])}[.:] ", path.read_text())


def test_records_that_are_referred_to_exist() -> None:
    names = {path.stem for path in RECORDS}
    for path in TEXTS:
        missing = set(re.findall(r"decisions/(\d{4}-[a-z0-9-]+)", path.read_text())) - names
        assert not missing, f"{path.relative_to(ROOT)} refers to {sorted(missing)}"
