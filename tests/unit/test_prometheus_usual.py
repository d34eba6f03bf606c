"""The short way of a scrape: which requests take it, and how it is answered."""

import re

import pytest

from hostmon_drivers.prometheus.scrapes import Answer, Asked, accepts_gzip
from hostmon_drivers.prometheus.usual import LONGEST, head, scrape_in
from tests.unit.rooms import BARE, PROMETHEUS


def test_what_prometheus_sends_takes_the_short_way() -> None:
    asked = scrape_in(PROMETHEUS)
    assert asked == Asked("", "application/openmetrics-text;version=1.0.0,*/*;q=0.1", "gzip")
    query = BARE.replace(b"/metrics", b"/metrics?collect[]=a&profile=kumina")
    assert scrape_in(query) == Asked("collect[]=a&profile=kumina")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        BARE[:-2],
        BARE + b"G",
        BARE + BARE,
        BARE.replace(b"GET", b"HEAD"),
        BARE.replace(b"GET", b"get"),
        BARE.replace(b"/metrics", b"/metric"),
        BARE.replace(b"/metrics", b"/metrics/"),
        BARE.replace(b"/metrics", b"http://h/metrics"),
        BARE.replace(b"/metrics", b"/metrics?a=\xff"),
        BARE.replace(b"1.1", b"1.0"),
        BARE.replace(b"Host: h\r\n", b""),
        BARE.replace(b"Host: h", b"Host : h"),
        BARE.replace(b"Host: h", b"Host: h\x00"),
        BARE.replace(b"Host: h", b"Host: h\nX: y"),
        BARE.replace(b"Host: h", b"Host: h\r\n folded"),
        BARE.replace(b"Host: h", b"Host: h\r\nHost: i"),
        BARE.replace(b"Host: h", b"Host: h\r\nConnection: close"),
        BARE.replace(b"Host: h", b"Host: h\r\nContent-Length: 0"),
        BARE.replace(b"Host: h", b"Host: h\r\ntransfer-encoding: chunked"),
        BARE.replace(b"Host: h", b"Host: h\r\nExpect: 100-continue"),
        BARE.replace(b"Host: h", b"Host: h\r\nUpgrade: h2c"),
        BARE.replace(b"Host: h", b"Host: h\r\nX: " + LONGEST * b"x"),
    ],
)
def test_whatever_is_unusual_does_not(data: bytes) -> None:
    assert scrape_in(data) is None


def test_an_answer_says_its_status_its_headers_and_its_length() -> None:
    headers = [("content-type", "text/plain"), ("vary", "accept")]
    said = head(Answer(400, headers, (b"wro", b"ng\n")))
    status, date, *rest, end, nothing = said.split(b"\r\n")
    assert end == nothing == b""
    assert status == b"HTTP/1.1 400 Bad Request"
    assert re.fullmatch(rb"date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert rest == [b"content-type: text/plain", b"vary: accept", b"content-length: 6"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", False), ("gzip", True), ("gzip;q=0", False), ("gzip; q=0.5", True), ("*", True),
        ("*;q=0, gzip", True), ("gzip;q=0, *", False), ("gzip;q=x", False), ("br, deflate", False),
    ],
)  # fmt: skip
def test_gzip_is_sent_where_it_may_be(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected
