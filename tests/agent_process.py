"""A real agent in a process of its own, on sockets and a port that are free."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], T], deadline: float = 15) -> T:
    """The first true value of the condition; fails when none comes in time."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"no {condition} within {deadline} s"
        time.sleep(0.02)
    return value


class AgentProcess:
    """``hostmon run`` with sockets under ``directory``; ``bus`` replaces that section."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        config: str = "",
        bus: str = "",
        program: Sequence[str] = (sys.executable, "-m", "hostmon"),
        stdin: int | None = None,
    ) -> None:
        self.directory = directory
        self.port = free_port()
        self.events = f"ipc://{directory}/events.sock"
        self.requests = f"ipc://{directory}/requests.sock"
        self.config = directory / "hostmon.toml"
        bus = bus or f'[bus]\nevents = ["{self.events}"]\nrequests = "{self.requests}"\n'
        self.config.write_text(
            f'{bus}[drivers.prometheus]\nlisten = "127.0.0.1:{self.port}"\n{config}'
        )
        self.log = directory / "agent.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*program, "run", "--config", str(self.config), *arguments],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        """Wait until the agent answers and is connected."""

        def ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return self.fetch("readyz")[0] == 200

        wait_for(ready, 30)

    def fetch(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """One HTTP request: status (0: nobody answers), body, headers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return (
                    answer.status,
                    answer.read(),
                    {k.lower(): v for k, v in answer.headers.items()},
                )
        except urllib.error.HTTPError as error:
            return error.code, error.read(), {k.lower(): v for k, v in error.headers.items()}
        except OSError:
            return 0, b"", {}

    def metrics(self) -> dict[str, float]:
        """One scrape: value by series."""
        text = self.fetch("metrics")[1].decode()
        rows = (line.rpartition(" ") for line in text.splitlines() if line[:1] != "#")
        return {series: float(value) for series, _, value in rows}

    def ask(self, command: str, *arguments: str) -> Any:
        """What a command of the command line prints as JSON."""
        result = hostmon(command, "--json", "--requests", self.requests, *arguments)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def stop(self) -> int:
        """End it by SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.close()
        return code

    def close(self) -> None:
        """Kill what still runs."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


HOSTMON = (sys.executable, "-m", "hostmon")


def hostmon(*arguments: str, timeout: float = 20) -> "subprocess.CompletedProcess[str]":
    """One command of the command line."""
    return subprocess.run(
        [*HOSTMON, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "NO_COLOR": "1"},
    )


@contextmanager
def agent(
    directory: Path, arguments: Sequence[str] = ("--demo",), *, config: str = "", bus: str = ""
) -> Iterator[AgentProcess]:
    """A running agent, killed at the end if it still runs."""
    running = AgentProcess(directory, *arguments, config=config, bus=bus)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()
