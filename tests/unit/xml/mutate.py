"""Broken documents out of sound ones: by text, and by structure."""

import random

from lxml import etree

WORDS = (
    "", "0", "-1", "99999999999999999999", "0x", "yes", "on", "\u00e9", " ", "&", "a" * 3_000,
    "../../etc", "1_0", "\u0661", "nan", "]]>", "%s", "{}",
)  # fmt: skip


def mutated(text: str, rng: random.Random) -> str:
    """One to six mutations of a document; it may be no XML any more."""
    try:
        root = etree.fromstring(text)
    except (etree.XMLSyntaxError, ValueError):
        return _text(text, rng)
    if rng.random() < 0.3:
        return _text(text, rng)
    for _ in range(rng.randint(1, 6)):
        _tree(root, rng)
    return etree.tostring(root, encoding="unicode")


def _text(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 4)):
        at, size = rng.randrange(len(text) + 1), rng.randint(0, 40)
        piece = text[rng.randrange(len(text) + 1) :][: rng.randint(0, 40)]
        text = (
            text[:at]
            + rng.choice([piece, rng.choice(WORDS), "<", ">", "&x;", ""])
            + text[at + size :]
        )
    return text


def _tree(root: etree._Element, rng: random.Random) -> None:
    nodes = list(root.iter(etree.Element))
    node = rng.choice(nodes)
    choice = rng.randrange(8)
    parent = node.getparent()
    if choice == 0 and parent is not None:
        parent.remove(node)
    elif choice == 1 and parent is not None:
        parent.insert(
            rng.randrange(len(parent) + 1), etree.fromstring(etree.tostring(node, with_tail=False))
        )
    elif choice == 2 and node.attrib:
        node.set(rng.choice(list(map(str, node.attrib))), rng.choice(WORDS))
    elif choice == 3 and node.attrib:
        del node.attrib[rng.choice(list(map(str, node.attrib)))]
    elif choice == 4:
        node.text = rng.choice(WORDS)
    elif choice == 5:
        node.tag = str(rng.choice(nodes).tag)
    elif choice == 6:
        node.append(etree.Comment(" a comment "))
        node.set("unheard-of", rng.choice(WORDS))
    elif parent is not None:
        nodes = [other for other in nodes if other not in set(node.iter())]
        rng.choice(nodes).append(node)
