"""The pages for people: each is reached from the README, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# What is for those who work on it, told where they look.
BESIDE = {"seeds-map.md"}


def links(page: Path) -> set[Path]:
    """The files that a page links to."""
    found = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", page.read_text())
    return {(page.parent / link).resolve() for link in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not link.exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    found = {ROOT / "README.md"}
    while found:
        reached |= found
        found = {to for page in found for to in links(page) if to.suffix == ".md"} - reached
    missed = {page.name for page in PAGES} - {page.name for page in reached} - BESIDE
    assert missed == set()
