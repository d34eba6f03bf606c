"""Completion, typed into a real bash: what Tab makes of the beginning of a command line."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostmon.cli.completion import words
from tests.agent_process import hostmon

PROMPT = "ready> "


class Shell:
    """An interactive bash that has the completion loaded, on a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        script = folder / "completion"
        script.write_text(hostmon("completion", "bash").stdout)
        self._terminal, inside = pty.openpty()
        programs = str(Path(sys.executable).parent)
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-i"],
            stdin=inside, stdout=inside, stderr=inside, cwd=folder, start_new_session=True,
            env={"PATH": f"{programs}:{os.environ['PATH']}", "PS1": PROMPT, "TERM": "dumb",
                 "INPUTRC": "/dev/null", "HOME": str(folder), "COLUMNS": "500"},
        )  # fmt: skip
        os.close(inside)
        self._until(PROMPT)
        self.run(f"stty cols 500; source {script}; bind 'set bell-style none'")

    def close(self) -> None:
        self._bash.kill()
        self._bash.wait()
        os.close(self._terminal)

    def _until(self, end: str) -> str:
        """What the terminal shows, up to and with some text."""
        shown = ""
        deadline = time.monotonic() + 10
        while not shown.endswith(end):
            left = deadline - time.monotonic()
            assert select.select([self._terminal], [], [], max(0, left))[0], f"no {end!r}: {shown}"
            shown += os.read(self._terminal, 4096).decode()
        return shown

    def run(self, line: str) -> str:
        """Type a line and Enter; what it printed."""
        os.write(self._terminal, f"{line}\n".encode())
        return self._until(f"\n{PROMPT}")

    def completed(self, line: str) -> str:
        """The command line after Tab: as bash would run it, told by itself."""
        # Home, then a comment's sign and Enter: the line is kept in the history, and not run.
        os.write(self._terminal, f"{line}\t\x01#\n".encode())
        self._until(f"\n{PROMPT}")
        return self.run("fc -ln -1").split("\n")[1].strip().removeprefix("#").strip()

    def offered(self, line: str) -> set[str]:
        """The words that Tab lists where there are several."""
        os.write(self._terminal, f"{line}\t\t\x15\n".encode())
        listed = self._until(f"\n{PROMPT}").split("\n")
        return set(listed[1].split())


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    made = Shell(tmp_path_factory.mktemp("shell"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("hostmon wat", "hostmon watch"),
        ("hostmon --ver", "hostmon --version"),
        ("hostmon watch --ki", "hostmon watch --kind"),
        ("hostmon watch --json --cou", "hostmon watch --json --count"),
        ("hostmon drivers sh", "hostmon drivers show"),
        ("hostmon plug web-1 vol", "hostmon plug web-1 volume"),
        ("hostmon completion f", "hostmon completion fish"),
        ("hostmon nonsense --k", "hostmon nonsense --k"),
    ],
)
def test_tab_completes(shell: Shell, typed: str, completed: str) -> None:
    assert shell.completed(typed) == completed


def test_tab_completes_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "hostmon-here.toml").touch()
    typed = f"hostmon config check {tmp_path}/hostmon-h"
    assert shell.completed(typed) == f"hostmon config check {tmp_path}/hostmon-here.toml"


def test_tab_lists_every_command(shell: Shell) -> None:
    assert shell.offered("hostmon ") == {*words(), "--help", "--version"}


@pytest.mark.parametrize("name", ["zsh", "fish"])
def test_other_shells_know_every_word(name: str) -> None:
    script = hostmon("completion", name).stdout
    for command, found in words().items():
        assert command in script
        assert " ".join(found) in script
