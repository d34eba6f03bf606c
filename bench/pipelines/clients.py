"""Those who make an agent work, run inside a lab node.

``scrape URL COUNT``: COUNT scrapers, each asks again 0.1 s after its answer, until standard input
closes; then it prints how many scrapes were answered. ``raise COUNT PREFIX``: suspends and resumes
the guests of that prefix in turn, COUNT events in all.
"""

import itertools
import sys
import threading
import urllib.request

import libvirt

PAUSE_S = 0.1


def scrape(url: str, stop: threading.Event, answered: list[int]) -> None:
    """One scraper."""
    while not stop.wait(PAUSE_S):
        with urllib.request.urlopen(url, timeout=30) as response:
            response.read()
        answered.append(response.status)


def scrapers(url: str, count: int) -> None:
    """Scrape until standard input closes."""
    stop, answered = threading.Event(), list[int]()
    threads = [threading.Thread(target=scrape, args=(url, stop, answered)) for _ in range(count)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(len(answered))


def raise_events(count: int, prefix: str) -> None:
    """Suspend each guest, resume each guest, and again."""
    connection = libvirt.open("qemu:///system")
    guests = [guest for guest in connection.listAllDomains() if guest.name().startswith(prefix)]
    calls = itertools.cycle([*(g.suspend for g in guests), *(g.resume for g in guests)])
    for call in itertools.islice(calls, count):
        call()


if __name__ == "__main__":
    if sys.argv[1] == "scrape":
        scrapers(sys.argv[2], int(sys.argv[3]))
    else:
        raise_events(int(sys.argv[2]), sys.argv[3])
