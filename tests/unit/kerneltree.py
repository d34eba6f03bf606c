"""A recorded machine: /proc, control groups and pid files of guests, written where a test says.

The files have the kernel's formats with figures that the test chooses.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from hostmon._deaths import DeathWatch
from hostmon._sampler import Sampler
from hostmon._table import GuestTable
from hostmon.samples import Guest


@contextmanager
def nobody(tree: "Tree") -> Iterator[None]:
    """Look at a tree as a user to whom the system gives nothing; only root may."""
    for path in (tree.proc.parent, *tree.proc.parents):
        mode = path.stat().st_mode  # root's group stays ours
        if path.stat().st_uid == 0 and mode & 0o55 != 0o55 and path != Path("/"):
            path.chmod(mode | 0o55)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class Tree:
    """Guests as files under ``root``; cgroup v2 unless told otherwise."""

    def __init__(self, root: Path) -> None:
        self.proc = root / "proc"
        self.run = root / "run"
        self.unified = root / "unified"
        self.v1 = root / "v1"
        for folder in (self.proc, self.run, self.unified):
            folder.mkdir()

    def sampler(
        self,
        table: GuestTable,
        *,
        deaths: DeathWatch | None = None,
        pressure: bool = True,
        **mounts: Path,
    ) -> Sampler:
        """A sampler of this tree; by default only v2 is mounted."""
        where = mounts or {"unified": self.unified}
        return Sampler(
            table,
            deaths,
            proc=str(self.proc),
            run=str(self.run),
            mounts={name: str(path) for name, path in where.items()},
            pressure=pressure,
        )

    def process(
        self, pid: int, uuid: bytes, *, start: int = 900, rss: int = 1000, vcpus: int = 2
    ) -> Path:
        """A QEMU with its vCPU threads PID+10, PID+11, ...; its folder."""
        folder = self.proc / str(pid)
        folder.mkdir(exist_ok=True)
        arguments = ["qemu", "-name", "guest=x,debug-threads=on", "-uuid", str(UUID(bytes=uuid))]
        (folder / "cmdline").write_bytes("\0".join([*arguments, "-S", ""]).encode())
        (folder / "cgroup").write_text("0::/machine/g.libvirt-qemu/emulator\n")
        (folder / "io").write_text(
            "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\n"
            "read_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n"
        )
        for tid, comm in [(pid, "qemu"), (pid + 1, "IO mon_iothread")]:
            self.thread(pid, tid, comm, 0, 0)
        for number in range(vcpus):
            self.thread(pid, pid + 10 + number, f"CPU {number}/KVM", 1000 + number, 10 + number)
        self.stat(pid, start=start, rss=rss)
        return folder

    def thread(self, pid: int, tid: int, comm: str, run: int, delay: int) -> None:
        folder = self.proc / str(pid) / "task" / str(tid)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "comm").write_text(comm + "\n")
        (folder / "schedstat").write_text(f"{run} {delay} 7\n")
        (folder / "stat").write_text(stat_line(tid, processor=tid % 7))

    def stat(
        self,
        pid: int,
        *,
        start: int = 900,
        rss: int = 1000,
        state: str = "S",
        ticks: tuple[int, int] = (0, 0),
    ) -> None:
        """Write /proc/PID/stat anew, with as many threads as there are.

        ``ticks`` are of user and of system time.
        """
        threads = len(list((self.proc / str(pid) / "task").iterdir()))
        line = stat_line(pid, state=state, threads=threads, start=start, rss=rss, ticks=ticks)
        (self.proc / str(pid) / "stat").write_text(line)

    def pid_file(self, name: str, pid: int) -> None:
        (self.run / f"{name}.pid").write_text(f"{pid}\n")

    def group(self, **files: str) -> Path:
        """The guest's group of ``process``, with files NAME (dots written as __)."""
        folder = self.unified / "machine/g.libvirt-qemu"
        write_files(folder, **files)
        return folder


def write_files(folder: Path, **files: str) -> None:
    """Files of a folder, their names' dots written as __."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def stat_line(
    pid: int,
    *,
    state: str = "S",
    threads: int = 1,
    start: int = 900,
    rss: int = 1000,
    processor: int = 0,
    ticks: tuple[int, int] = (0, 0),
) -> str:
    """proc(5)'s 52 fields, with a name that is hard to parse."""
    fields = ["0"] * 53
    fields[3], fields[8], fields[20] = state, "-1", str(threads)
    fields[14], fields[15] = map(str, ticks)
    fields[22], fields[24], fields[39] = str(start), str(rss), str(processor)
    return f"{pid} (qemu) S 1) (x) {' '.join(fields[3:])}\n"


CPU_STAT = "usage_usec 3000\nuser_usec 1000\nsystem_usec 2000\nnice_usec 0\n"
QUOTA = CPU_STAT + "nr_periods 10\nnr_throttled 4\nthrottled_usec 500\n"


def running(table: GuestTable, uuid: bytes, name: bytes = b"g", libvirt_id: int = 1) -> None:
    """A guest that libvirt says is running."""
    table.upsert(uuid, name)
    table.set_state(uuid, 1, 1, libvirt_id)


UUID_OF_ONE = bytes(range(16))


def tree_of_one(root: Path) -> Tree:
    """A tree with one guest ``g`` of process 500."""
    made = Tree(root)
    made.process(500, UUID_OF_ONE)
    made.pid_file("g", 500)
    made.group(cpu__stat=CPU_STAT)
    return made


def table_of_one() -> GuestTable:
    """A table with that guest."""
    made = GuestTable()
    running(made, UUID_OF_ONE)
    return made


def guest_of(table: GuestTable, uuid: bytes = UUID_OF_ONE) -> Guest:
    """A guest as the table has it now."""
    return table.snapshot().guest(uuid)


@contextmanager
def no_descriptors() -> Iterator[None]:
    """This process can open nothing: every open is EMFILE, as when an agent has run out of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
