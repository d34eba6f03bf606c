"""Broken documents end in a result or an XMLError; fuzz.py beside this goes on for longer."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.xml.fuzz import corpus, exercise
from tests.unit.xml.mutate import mutated

DOCUMENTS = sorted((text for text in corpus([]) if len(text) < 8_000), key=len)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(DOCUMENTS), st.integers(0, 1 << 30))
def test_mutated_documents(text: str, seed: int) -> None:
    exercise(mutated(text, random.Random(seed)), deeply=seed % 8 == 0)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="<>/&;='\"ab! -[]", max_size=200))
def test_any_text(text: str) -> None:
    exercise(text)


NAMES = st.sampled_from(["domain", "devices", "disk", "source", "cpu", "vcpu", "metadata", "rule"])
TREES = st.recursive(
    NAMES.map(lambda name: f"<{name}/>"),
    lambda inner: st.builds(
        "<{0} {1}='{2}'>{3}</{0}>".format,
        NAMES,
        st.sampled_from(["type", "id", "dev"]),
        st.text(alphabet="0x9ayes- ", max_size=6),
        st.lists(inner, max_size=4).map("".join),
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_any_tree(text: str) -> None:
    exercise(text)
