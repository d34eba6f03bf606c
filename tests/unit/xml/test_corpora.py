"""The model on real documents, judged by libvirt itself and by its schemas.

The documents are found by the environment variable HOSTMON_CORPORA; without it these tests skip.
"""

import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hostmon.errors import XMLError
from hostmon.xml.carried import Tally, measure
from hostmon.xml.check import check
from hostmon.xml.documents import class_of, parse
from hostmon.xml.domain import Domain
from hostmon.xml.schema import SCHEMAS
from tests.unit.xml.mutate import mutated

CORPORA = os.environ.get("HOSTMON_CORPORA", "")
JUDGE = Path(__file__).with_name("libvirt_judge.py")
ARCHIVES = (
    "domain", "domain-foreign", "nwfilter", "capabilities", "hosttopo", "cpu",
    "nodedev-net-storage", "hotplug-devices",
)  # fmt: skip
pytestmark = [
    pytest.mark.skipif(
        not Path(CORPORA, "MANIFEST.json").is_file(),
        reason="set HOSTMON_CORPORA to the folder with domain.tar.gz and its like",
    ),
    pytest.mark.timeout(600),
]


@cache
def documents(archive: str) -> dict[str, bytes]:
    """Every XML file of one archive, by its path in there."""
    with tarfile.open(Path(CORPORA, f"{archive}.tar.gz")) as tar:
        return {
            member.name: tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar.getmembers()
            if member.isfile() and member.name.endswith(".xml")
        }


def for_the_test_driver(xml: bytes) -> str:
    root = etree.fromstring(xml)
    root.set("type", "test")
    return etree.tostring(root, encoding="unicode")


def ours(xml: bytes) -> str:
    domain = Domain.parse(xml)
    domain.type = "test"
    return domain.to_xml()


def rebuilt(xml: bytes) -> str:
    domain = Domain.parse(xml).rebuilt()
    domain.type = "test"
    return domain.to_xml()


@dataclass
class Verdict:
    """What libvirt made of the document, twice, of our text for it, and of its rebuilt form."""

    document: dict[str, str]
    again: dict[str, str]
    passed: dict[str, str]
    rebuilt: dict[str, str]

    def same(self, answer: dict[str, str]) -> bool:
        """The same answer, apart from lines with what libvirt makes up anew each time (a UUID)."""
        if "error" in answer:
            return answer == self.document
        one, two, three = (
            form.get("ok", "").splitlines() for form in (self.document, self.again, answer)
        )
        return len(one) == len(three) and all(
            a != b or a == c for a, b, c in zip(one, two, three, strict=True)
        )


def judge(requests: list[dict[str, Any]], tmp_path: Path) -> Iterator[tuple[str, Verdict]]:
    """Verdicts by name; a document that kills libvirt's parser has none."""
    node = tmp_path / "node.xml"
    node.write_text("<node/>")
    while requests:
        process = subprocess.run(
            [sys.executable, str(JUDGE), f"test://{node}"],
            input="".join(json.dumps(request) + "\n" for request in requests),
            capture_output=True, text=True,
        )  # fmt: skip
        answers = [json.loads(line) for line in process.stdout.splitlines()]
        for answer in answers:
            yield answer["name"], Verdict(*answer["answers"])
        requests = requests[len(answers) + 1 :]  # the next one, if any, killed it


def test_libvirt_reads_what_we_write_as_it_reads_the_document(
    tmp_path: Path,
) -> None:
    requests = [
        {"name": name, "texts": [*[for_the_test_driver(xml)] * 2, ours(xml), rebuilt(xml)]}
        for archive in ("domain", "domain-foreign")
        for name, xml in documents(archive).items()
    ]
    verdicts = dict(judge(requests, tmp_path))
    accepted = {name: verdict for name, verdict in verdicts.items() if "ok" in verdict.document}
    changed = [name for name, verdict in verdicts.items() if not verdict.same(verdict.passed)]
    differ = [name for name, verdict in accepted.items() if not verdict.same(verdict.rebuilt)]
    print(
        f"libvirt accepts {len(accepted)} of {len(requests)} domains, refuses "
        f"{len(verdicts) - len(accepted)}, dies of {len(requests) - len(verdicts)}; "
        f"changed by us: {len(changed)}; changed by rebuilding from typed fields alone: "
        f"{len(differ)} {differ[:9]}"
    )
    assert len(accepted) > len(requests) / 2
    assert changed == []
    assert len(differ) <= len(accepted) / 20


def test_libvirt_reads_mutated_documents_the_same_through_us(
    tmp_path: Path,
) -> None:
    rng = random.Random(1)
    requests: list[dict[str, Any]] = []
    sound = [xml.decode() for xml in documents("domain").values()]
    while len(requests) < 600:
        text = mutated(rng.choice(sound), rng)
        try:
            texts = [for_the_test_driver(text.encode())] * 2 + [ours(text.encode())] * 2
        except (XMLError, etree.XMLSyntaxError):
            continue
        requests.append({"name": str(len(requests)), "texts": texts})
    verdicts = dict(judge(requests, tmp_path))
    accepted = sum("ok" in verdict.document for verdict in verdicts.values())
    print(
        f"of {len(requests)} mutated domains libvirt accepts {accepted}, "
        f"dies of {len(requests) - len(verdicts)}"
    )
    assert accepted > 100
    for name, verdict in verdicts.items():
        assert verdict.same(verdict.passed), requests[int(name)]["texts"][0]


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_document_is_passed_through_unchanged_or_refused_clearly(archive: str) -> None:
    assert documents(archive)
    for name, xml in documents(archive).items():
        plain = etree.tostring(etree.fromstring(xml), method="c14n")
        if class_of(etree.fromstring(xml)) is None:
            with pytest.raises(XMLError, match="is nothing libvirt knows"):
                parse(xml)
            continue
        again = parse(xml).to_xml()
        assert etree.tostring(etree.fromstring(again), method="c14n") == plain, name


def test_check_agrees_with_the_schemas_verdict() -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("install libvirt's schemas (libvirt-daemon) to check against them")
    manifest = json.loads(Path(CORPORA, "MANIFEST.json").read_text())
    for archive in ARCHIVES:
        for name, xml in documents(archive).items():
            verdict = manifest[name]["schema"]
            if verdict in ("valid", "invalid"):
                problems = [str(problem) for problem in check(xml)]
                assert bool(problems) == (verdict == "invalid"), (name, problems)


def test_share_carried_by_typed_fields() -> None:
    overall = 0.0, 0
    for archive in ARCHIVES:
        tally = Tally()
        for xml in documents(archive).values():
            try:
                element = parse(xml)
            except XMLError:
                continue  # CPUID dumps, which libvirt's API never shows
            measure(element, tally)
        overall = overall[0] + tally.carried.total(), overall[1] + tally.total.total()
        print(f"{archive}: {tally.share():.2%} of {tally.total.total()}")
        for section in sorted(tally.total, key=tally.share):
            if tally.share(section) < 1:
                print(f"   {section}: {tally.share(section):.2%} of {tally.total[section]}")
        print("   all other sections: 100 %")
        assert tally.share() >= 0.99, tally.lost.most_common(10)
    print(f"all: {overall[0] / overall[1]:.2%} of {overall[1]} elements and attributes")
