"""Feeds broken documents to everything that reads XML: ``python -m tests.unit.xml.fuzz --help``.

What may happen is a result or XMLError; anything else, a pause of more than ten seconds, or memory
that keeps growing is a finding, and the document that caused it is kept.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hostmon.errors import XMLError
from hostmon.xml.carried import Tally, measure
from hostmon.xml.check import check
from hostmon.xml.compare import compare
from hostmon.xml.documents import parse
from hostmon.xml.element import Child, Children, Element
from hostmon.xml.metadata import metadata_of
from hostmon.xml.openstack import Instance
from tests.unit.xml.mutate import mutated

GOLDENS = Path(__file__).parents[2] / "data" / "xml"
SLOW = 10.0
# Searching a broken document for all its faults takes up to two seconds: one in so many.
DEEP = 20


def read(element: Element) -> None:
    """Read every field; a value that does not fit its kind is the document's fault."""
    for field in element.fields.values():
        try:
            value = getattr(element, field.name)
        except XMLError:
            continue
        if isinstance(field, Child) and value is not None:
            read(value)
        elif isinstance(field, Children):
            for one in value:
                read(one)


def exercise(text: str, deeply: bool = True) -> None:
    """Everything that takes a document; raises what none of it should raise."""
    for problem in check(text) if deeply else []:
        assert problem.message
        assert problem.remedy
        assert "\n" not in str(problem)
    try:
        element = parse(text)
    except XMLError:
        return
    again = parse(element.to_xml())
    assert compare(element, again) == []
    assert again == element
    read(element)
    try:
        measure(element, Tally())
        metadata_of(text, Instance)
    except XMLError:
        pass


def corpus(folders: Sequence[Path]) -> list[str]:
    """Sound documents: ours, and every XML file of these folders."""
    files = [file for folder in (GOLDENS, *folders) for file in sorted(folder.rglob("*.xml"))]
    return [file.read_text(errors="replace") for file in files if file.stat().st_size < 40_000]


def run(seconds: float, seed: int, folders: Sequence[Path], keep: Path) -> int:
    """Mutate and exercise for so long; the number of findings."""
    rng, documents, findings, count = random.Random(seed), corpus(folders), 0, 0
    began, worst, started_with = time.monotonic(), 0.0, 0
    while time.monotonic() - began < seconds:
        text = mutated(rng.choice(documents), rng)
        count, start = count + 1, time.monotonic()
        try:
            exercise(text, deeply=count % DEEP == 0)
            bad = ""
        except Exception as error:  # whatever it is, it is a finding
            bad = repr(error)
        took = time.monotonic() - start
        worst = max(worst, took)
        if bad or took > SLOW:
            findings += 1
            path = keep / f"finding-{seed}-{findings}.xml"
            path.write_text(text, errors="replace")
            print(f"{path}: {bad or f'took {took:.1f} s'}", flush=True)
        if count == 1_000:
            started_with = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = (peak - started_with) / 1024 if started_with else 0.0
    print(
        f"{count} documents in {seconds:.0f} s, {findings} findings, slowest {worst:.2f} s, "
        f"peak {peak / 1024:.0f} MiB, {grown:.0f} MiB more than after 1,000"
    )
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--keep", type=Path, default=Path())
    parser.add_argument("folders", nargs="*", type=Path, help="more sound documents")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    sys.exit(bool(run(options.seconds, options.seed, options.folders, options.keep)))


if __name__ == "__main__":
    main()
