"""Notices a method of Guest that no test here calls."""

import ast
from pathlib import Path

from hostmon.guest import Guest


def test_every_method_is_exercised_here() -> None:
    used = {
        node.attr
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    methods = {name for name in dir(Guest) if not name.startswith("_")}
    # Helpers of the methods, not questions or acts of their own.
    assert methods - used - {"affect", "watch"} == set()
