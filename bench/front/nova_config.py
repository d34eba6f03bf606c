"""The peer's side of the xml bench: a program for an interpreter that has nova, without hostmon.

Each line of its input is a number; it parses and builds the document that often with the cloud's
own guest configuration classes and answers with the seconds each took.
"""

import sys
import time
import warnings
from pathlib import Path


def main() -> None:
    warnings.simplefilter("ignore")
    import nova.monkey_patch  # type: ignore[import-not-found]  # noqa: F401  # before anything of nova
    from nova.virt.libvirt import config  # type: ignore[import-not-found]

    text = Path(sys.argv[1]).read_text()
    print("ready", flush=True)
    for line in sys.stdin:
        number = int(line)
        began = time.perf_counter()
        for _ in range(number):
            guest = config.LibvirtConfigGuest()
            guest.parse_str(text)
            guest.to_xml()
        print((time.perf_counter() - began) / number, flush=True)


if __name__ == "__main__":
    main()
