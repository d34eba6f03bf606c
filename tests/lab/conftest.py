"""Fixtures of the lab: a node for one test, a node shared by a module, and a factory of more."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.lab.node import Node, missing

MakeNode = Callable[[], Node]


def create() -> Node:
    """A node, or a skip that says what the machine lacks."""
    if reason := missing():
        pytest.skip(reason)
    return Node.create()


@pytest.fixture
def make_node() -> Iterator[MakeNode]:
    """Makes nodes that close when the test ends, however it ends."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(create())


@pytest.fixture
def node(make_node: MakeNode) -> Node:
    """A host for this test alone."""
    return make_node()


@pytest.fixture(scope="module")
def module_node() -> Iterator[Node]:
    """A host that the tests of one module share."""
    with create() as shared:
        yield shared
