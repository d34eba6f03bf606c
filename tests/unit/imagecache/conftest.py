"""A world for each test."""

from pathlib import Path

import pytest

from tests.unit.imagecache.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Five bases, no guests, nothing looked at yet."""
    return World(tmp_path)
