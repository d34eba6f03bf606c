"""Notices a method of Guest that no test here calls on a guest."""

import ast
from collections.abc import Iterator
from pathlib import Path

from hostmon.guest import Guest

MAKERS = {"create", "define", "guest", "guest_by_name", "make"}
# Helpers of the methods, not questions or acts of their own.
HELPERS = {"affect", "watch"}


def pairs(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Targets and values of an assignment, one by one: ``a, b = f(), g()``."""
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value


def guests_of(function: ast.FunctionDef) -> set[str]:
    """The variables of a function that are guests: annotated so, or what a maker returned."""
    arguments = function.args.args
    found = {
        one.arg for one in arguments if one.annotation and ast.unparse(one.annotation) == "Guest"
    }
    for node in ast.walk(function):
        for target, value in pairs(node) if isinstance(node, ast.Assign) else ():
            made = isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2]
            if made in MAKERS:
                found.add(ast.unparse(target))
    return found


def asked_of_guests(path: Path) -> Iterator[str]:
    """The names that a source takes from its guests."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            guests = guests_of(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) in guests:
                    yield node.attr


def test_every_method_is_exercised_here() -> None:
    sources = Path(__file__).parent.glob("test_*.py")
    used = {name for path in sources for name in asked_of_guests(path)}
    methods = {name for name in dir(Guest) if not name.startswith("_")}
    assert methods - used - HELPERS == set()
