"""Distributions made by tests: metadata beside modules, found like any installed one."""

from pathlib import Path

FAULTY = Path(__file__).parent / "faulty"

FAULTY_POINTS = {
    "well": "faulty:Well",
    "complains": "faulty:Complains",
    "import-raises": "faulty_import:Anything",
    "import-exits": "faulty_exit:Anything",
    "no-attribute": "faulty:Nothing",
    "no-driver": "faulty:NO_DRIVER",
    "start-raises": "faulty:StartRaises",
    "handle-raises": "faulty:HandleRaises",
    "stop-raises": "faulty:StopRaises",
    "blocks": "faulty:Blocks",
    "exits": "faulty:Exits",
    "leaks-memory": "faulty:LeaksMemory",
    "leaks-files": "faulty:LeaksFiles",
    "wrong-return": "faulty:WrongReturn",
    "wrong-addresses": "faulty:WrongAddresses",
    "spins": "faulty:Spins",
    "no-such-topic": "faulty:NoSuchTopic",
    "needs-none": "faulty:NeedsNone",
    "needs-none-of-these": "faulty:NeedsNoneOfThese",
    "other-events": "faulty:OtherEvents",
    "acts": "faulty:Acts",
    "too-new": "faulty:TooNew",
    "no-version": "faulty:NoVersion",
    "unfinished": "faulty:Unfinished",
    "typed": "faulty:Typed",
    "grabs-option": "faulty:GrabsOption",
    "path.like:Name": "faulty:Well",
}


def make(
    directory: Path,
    name: str,
    points: dict[str, str],
    source: Path | None = None,
    *,
    group: str = "hostmon.drivers",
) -> Path:
    """Put a distribution's metadata, and links to the modules of ``source``, into a directory."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = "\n".join(f"{point} = {target}" for point, target in points.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}\n")
    if source is not None:
        for module in source.glob("*.py"):
            (directory / module.name).symlink_to(module)
    return directory
