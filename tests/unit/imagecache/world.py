"""A directory of base images with guests on them, a clock, and the cache that looks after it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from hostmon.images.cache import DAY_S, ImageCache, ImageCacheSettings
from hostmon.images.references import References, references_of
from hostmon.images.report import CacheReport
from hostmon.xml.domain import Domain

BASES = ("jammy", "bookworm", "alpine", "windows", "rocky")


def qemu_img(*arguments: object) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def create(
    path: Path, below: str | Path = "", format_: str = "qcow2", unsafe: bool = False
) -> Path:
    under = ["-b", below, "-F", format_] if below else []
    size = [] if below and not unsafe else ["1M"]
    qemu_img("create", "-q", *(["-u"] if unsafe else []), "-f", "qcow2", *under, path, *size)
    return path


def guest_xml(name: str, *disks: tuple[str | Path, str], extra: str = "") -> Domain:
    shown = "".join(
        f"<disk type='file' device='disk'><driver name='qemu' type='{format_}'/>"
        f"<source file='{path}'/><target dev='vd{chr(97 + number)}' bus='virtio'/></disk>"
        for number, (path, format_) in enumerate(disks)
    )
    return Domain.parse(f"<domain><name>{name}</name><devices>{shown}{extra}</devices></domain>")


class World:
    """A directory of bases, guests on them, a clock, and the cache that looks after it."""

    def __init__(self, root: Path) -> None:
        self.base, self.disks = root / "base", root / "disks"
        self.base.mkdir()
        self.disks.mkdir()
        self.state = root / "state" / "ages.json"
        self.guests: dict[str, Domain] = {}
        self.now = 0.0
        self.settings = ImageCacheSettings(
            directory=str(self.base), remove=True, min_age=DAY_S, state=str(self.state)
        )
        self.between: list[Callable[[], None]] = []
        for name in BASES:
            create(self.base / name)

    def references(self) -> list[References]:
        if self.between:
            self.between.pop(0)()
        return [references_of(domain) for domain in self.guests.values()]

    def cache(self, **changes: object) -> ImageCache:
        tree = {name: getattr(self.settings, name) for name in ImageCacheSettings.__struct_fields__}
        settings = ImageCacheSettings(**{**tree, **changes})
        return ImageCache(settings, self.references, clock=self.clock)

    def clock(self) -> float:
        newest = max((path.stat().st_ctime for path in self.base.iterdir()), default=0)
        return newest + self.now

    def after_days(self, *days: float, **changes: object) -> CacheReport:
        """Looks at these times, by a new cache each time as after a restart; the last report."""
        for day in days:
            self.now = day * DAY_S
            report = self.cache(**changes).manage()
        return report

    def left(self) -> set[str]:
        return {path.name for path in self.base.iterdir()}

    def add(self, name: str, *disks: tuple[str | Path, str]) -> None:
        self.guests[name] = guest_xml(name, *disks)

    def overlay(self, name: str, below: str | Path, **options: object) -> Path:
        return create(self.disks / f"{name}.qcow2", below, **options)  # type: ignore[arg-type]
