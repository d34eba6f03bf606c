"""Asks ``qemu-img info``, which opens what images name: bounded in time, memory and processor.

Image contents are not trusted: a caller makes sure first that nothing but local files is named.
"""

import json
import resource
import subprocess
from pathlib import Path
from typing import Any

from hostmon.errors import ImageError

DEADLINE_S = 10.0
MEMORY = 1 << 30
CPU_S = 10
KILLED_S = 1.0


class QemuImg:
    """Runs ``program``; remembers one that could not be ended, since its storage hangs."""

    def __init__(self, program: str = "qemu-img", deadline_s: float = DEADLINE_S) -> None:
        self._program = program
        self._deadline_s = deadline_s
        self._stuck: subprocess.Popen[bytes] | None = None

    def chain(self, path: str, format_: str) -> tuple[str, ...]:
        """The files of an image and of all below it, data files too, absolute, from the top.

        Raises ImageError with qemu-img's reason, or because it gives no answer.
        """
        infos = self._ask("info", "--backing-chain", "-U", "--output", "json", "-f", format_, path)
        files: list[str] = []
        for info in infos:
            name = str(info.get("filename", ""))
            files.append(name)
            data = info.get("format-specific", {}).get("data", {})
            if isinstance(data, dict) and (beside := data.get("data-file")):
                files.append(str(Path(name).parent / str(beside)))
        return tuple(files)

    def _ask(self, *arguments: str) -> list[dict[str, Any]]:
        if self._stuck is not None and self._stuck.poll() is None:
            raise ImageError(f"{self._program} (process {self._stuck.pid}) still hangs")
        try:
            child = subprocess.Popen(
                [self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise ImageError(f"{self._program}: {error.strerror}; install qemu-utils") from None
        resource.prlimit(child.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.prlimit(child.pid, resource.RLIMIT_CPU, (CPU_S, CPU_S))
        try:
            out, errors = child.communicate(timeout=self._deadline_s)
        except subprocess.TimeoutExpired:
            self._end(child)
            raise ImageError(f"{self._program} gave no answer in {self._deadline_s:g} s") from None
        if child.returncode:
            reason = errors.decode(errors="replace").strip().replace("\n", " ")
            raise ImageError(reason or f"{self._program} ended with code {child.returncode}")
        try:
            answer = json.loads(out)
        except ValueError:
            raise ImageError(f"{self._program} answered what is no JSON") from None
        return [answer] if isinstance(answer, dict) else list(answer)

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        """Kill it; one that waits for a disk dies later, and is remembered until then."""
        child.kill()
        for stream in (child.stdout, child.stderr):
            if stream is not None:
                stream.close()
        try:
            child.wait(KILLED_S)
        except subprocess.TimeoutExpired:
            self._stuck = child
