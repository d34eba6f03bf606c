"""The comparison of an incumbent's scrape with hostmon's."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hostmon.errors import ProtocolError
from hostmon.scrape import Scrape, read
from hostmon.verify import Verdict, compare, fetch, verify

TEXT = "text/plain; version=0.0.4"


def scrape(*lines: str) -> Scrape:
    return read("".join(f"{line}\n" for line in lines).encode(), TEXT)


COUNTER = "# TYPE libvirt_c_total counter"
GAUGE = "# TYPE libvirt_g gauge"


def verdicts(before: Scrape, ours: Scrape, after: Scrape) -> list[Verdict]:
    return [finding.verdict for finding in compare(before, ours, after).findings]


def test_a_running_counter_may_lie_anywhere_between() -> None:
    before, after = scrape(COUNTER, "libvirt_c_total 10"), scrape(COUNTER, "libvirt_c_total 20")
    for value in ("10", "15", "20"):
        assert verdicts(before, scrape(COUNTER, f"libvirt_c_total {value}"), after) == []
    assert verdicts(before, scrape(COUNTER, "libvirt_c_total 9"), after) == [Verdict.BEHIND]
    assert verdicts(before, scrape(COUNTER, "libvirt_c_total 21"), after) == [Verdict.DIFFERENT]


def test_a_gauge_that_stands_must_be_equal() -> None:
    theirs = scrape(GAUGE, "libvirt_g 0.1")
    assert verdicts(theirs, scrape(GAUGE, "libvirt_g 0.10000000000000001"), theirs) == []
    assert verdicts(theirs, scrape(GAUGE, "libvirt_g 0.09"), theirs) == [Verdict.DIFFERENT]
    assert verdicts(theirs, scrape(GAUGE, "libvirt_g NaN"), theirs) == [Verdict.DIFFERENT]
    nan = scrape(GAUGE, "libvirt_g NaN")
    assert verdicts(nan, nan, nan) == []


def test_a_time_may_miss_two_ticks_and_no_more() -> None:
    kind = "# TYPE libvirt_t_seconds_total counter"
    theirs = scrape(kind, "libvirt_t_seconds_total 0.74")
    for value, wrong in (
        ("0.7595", []),
        ("0.7205", []),
        ("0.7605", [Verdict.DIFFERENT]),
        ("0.71", [Verdict.BEHIND]),
    ):
        ours = scrape(kind, f"libvirt_t_seconds_total {value}")
        assert verdicts(theirs, ours, theirs) == wrong


def test_a_missing_label_set_and_another_type_are_found() -> None:
    theirs = scrape(COUNTER, 'libvirt_c_total{domain="a"} 1', 'libvirt_c_total{domain="b"} 1')
    ours = scrape("# TYPE libvirt_c_total gauge", 'libvirt_c_total{domain="a"} 1')
    report = compare(theirs, ours, theirs)
    assert [finding.verdict for finding in report.findings] == [Verdict.TYPE, Verdict.MISSING]
    assert (report.compared, report.agreed, report.ok) == (2, 0, False)
    assert 'libvirt_c_total{domain="b"}: only the incumbent has it' in next(
        line for line in report.lines() if '"b"' in line
    )


def test_what_came_or_went_meanwhile_and_foreign_names_are_not_judged() -> None:
    before = scrape(GAUGE, 'libvirt_g{domain="a"} 1', "go_threads 3")
    after = scrape(GAUGE, 'libvirt_g{domain="b"} 1', "go_threads 3")
    report = compare(before, scrape("hostmon_x 1"), after)
    assert report.ok
    assert (report.compared, report.only_ours) == (0, 1)


class Answer(BaseHTTPRequestHandler):
    """Serves an incumbent on /theirs, hostmon on /ours, and nonsense elsewhere."""

    seen: list[str] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        body = b"# TYPE libvirt_domains_number gauge\nlibvirt_domains_number 1\n"
        if self.path == "/nonsense":
            body = b"<html>\n"
        self.send_response(200)
        self.send_header("Content-Type", TEXT)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Answer.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_verify_asks_for_the_incumbents_profile_between_its_two_scrapes(address: str) -> None:
    waits: list[float] = []
    report = verify(f"{address}/theirs", f"{address}/ours", settle_s=3, sleep=waits.append)
    assert report.ok
    assert report.profile == "kumina"
    assert Answer.seen == ["/theirs", "/ours?profile=kumina", "/theirs"]
    assert waits == [3]


def test_fetch_names_the_address_and_the_fault(address: str) -> None:
    with pytest.raises(ProtocolError, match="/nonsense: exposition does not parse"):
        fetch(f"{address}/nonsense")
    with pytest.raises(ProtocolError, match="no address to scrape"):
        fetch("file:///etc/passwd")
    with pytest.raises(ProtocolError, match=r"127\.0\.0\.1:1/ does not answer"):
        fetch("http://127.0.0.1:1/")
