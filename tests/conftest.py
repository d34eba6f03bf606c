"""What all tests share: what is drawn, signals, and the corpora, which lie outside this tree.

A run draws the same examples, random numbers and order of tests as the last. HOSTMON_TESTS=search
draws anew, to find what those do not.

HOSTMON_CORPORA names the folder that holds them, packed (NAME.tar.gz) or unpacked (NAME/). Tests
that need one skip without it, and say so.
"""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure of an example: pytest-timeout bounds each test. Where CI is set,
# hypothesis draws the same by itself, so that a search has to say that it does not.
settings.register_profile("search", deadline=None, derandomize=False)
settings.register_profile("same", deadline=None, derandomize=True, database=None)
DRAWS = os.environ.get("HOSTMON_TESTS", "same")
settings.load_profile(DRAWS)

# A shell has what it starts in the background ignore this; so would all that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

Corpus = Callable[[str], Path]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Seed pytest-randomly: here, for an option in addopts would need it where it is left out."""
    if DRAWS == "same" and config.getoption("randomly_seed", None) == "default":
        config.option.randomly_seed = 1


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus's folder by its name, unpacked once a session."""
    unpacked: dict[str, Path] = {}

    def find(name: str) -> Path:
        root = os.environ.get("HOSTMON_CORPORA")
        if not root:
            pytest.skip(f"HOSTMON_CORPORA is not set: nothing to hold {name} against")
        folder = Path(root) / name
        if folder.is_dir():
            return folder
        if name not in unpacked:
            archive = Path(root) / f"{name}.tar.gz"
            if not archive.exists():
                pytest.skip(f"HOSTMON_CORPORA={root} holds neither {name}/ nor {archive.name}")
            target = tmp_path_factory.mktemp("corpus")
            subprocess.run(["tar", "-xzf", archive, "-C", target], check=True)
            unpacked[name] = target / name if (target / name).is_dir() else target
        return unpacked[name]

    return find
