"""What happens in a fake world: steps of a script, one after another, then random changes."""

import logging
import random
import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from hostmon import kinds
from hostmon.errors import HypervisorError
from hostmon_drivers.virt_fake.world import World

log = logging.getLogger("hostmon.drivers.fake")


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``do`` this to ``guest`` so many seconds ``after`` the step before."""

    do: Literal[
        "define", "start", "suspend", "resume", "stop", "shutdown", "crash", "reboot", "undefine",
        "set-vcpus", "set-memory", "vanish", "go-away", "come-back", "stick", "free",
    ]  # fmt: skip
    guest: str = ""
    after: float = 0.0
    vcpus: int = 1
    memory_mib: int = 512


def play(world: World, step: Step) -> None:
    """Do one step; raises HypervisorError for one that the guest's state forbids."""
    memory = step.memory_mib << 20
    special: dict[str, Callable[[], object]] = {
        "define": lambda: world.define(step.guest, vcpus=step.vcpus, memory=memory),
        "set-vcpus": lambda: world.set_vcpus(step.guest, step.vcpus),
        "set-memory": lambda: world.set_memory(step.guest, memory),
        "go-away": world.go_away,
        "come-back": world.come_back,
    }
    if step.do in special:
        special[step.do]()
    else:
        getattr(world, step.do)(step.guest)


class Script:
    """Plays in a thread of its own until stopped; ``churn`` is random changes a second."""

    def __init__(self, world: World, steps: tuple[Step, ...], churn: float, seed: int) -> None:
        self._world = world
        self._steps = steps
        self._churn = churn
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake script", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(1)

    def _run(self) -> None:
        for step in self._steps:
            if self._stop.wait(step.after):
                return
            self._try(step)
        while self._churn and not self._stop.wait(1 / self._churn):
            if (chance := self._chance()) is not None:
                self._try(chance)

    def _try(self, step: Step) -> None:
        try:
            play(self._world, step)
        except HypervisorError as error:
            log.warning("step %s %s: %s", step.do, step.guest, error)

    def _chance(self) -> Step | None:
        """A change that some guest's state allows."""
        guests = self._world.guests()
        if not guests:
            return None
        guest = self._random.choice(guests)
        if guest.state == kinds.STATE_RUNNING:
            return Step(do=self._random.choice(("suspend", "reboot", "stop")), guest=guest.name)
        return Step(do="resume" if guest.state == kinds.STATE_PAUSED else "start", guest=guest.name)
