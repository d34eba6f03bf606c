"""What all tests share: hypothesis' profile, signals, and the corpora, which lie outside this tree.

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

# A busy machine is no failure of an example: pytest-timeout bounds each test.
settings.register_profile("hostmon", deadline=None)
settings.load_profile("hostmon")

# A shell has what it starts in the background ignore this; so would all that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

Corpus = Callable[[str], Path]


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
