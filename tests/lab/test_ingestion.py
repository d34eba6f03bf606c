"""The judges of a page: promtool, the strict parser, and a real Prometheus that stores it.

It ingests both formats, plain and gzipped, with the same sample count.
"""

import gzip
import json
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from bench.front.tables import MadeUp
from hostmon.exposition import Exposition, Figures, Format
from hostmon.metrics import CATALOGUE
from hostmon.scrape import read
from tests.lab.node import wait_for

GUESTS = 20
FIGURES: Figures = {"up": 1, "guests": GUESTS, "numa_cpus": {("0",): 4, ("1",): 4}}


def handler(pages: dict[str, tuple[str, bytes]]) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = pages[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            if self.path.endswith("gzip"):
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Page


@pytest.fixture
def served() -> Iterator[tuple[int, dict[str, tuple[str, bytes]]]]:
    """A port that serves a page of every format, plain and gzipped, and those pages."""
    made = MadeUp(GUESTS, job=True, tuned=True)
    every = [metric.name for metric in CATALOGUE]
    exposition = Exposition(
        made.table, made.describe, lambda: FIGURES, CollectorRegistry(), on=every
    )
    pages = {
        f"/{form.name.lower()}{'-gzip' if compressed else ''}": (
            form.value,
            exposition.page(form, compressed=compressed),
        )
        for form in Format
        for compressed in (False, True)
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(pages))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, pages
    server.shutdown()
    thread.join()
    server.server_close()


def test_promtool_and_the_strict_parser_accept_the_same_page(
    served: tuple[int, dict[str, tuple[str, bytes]]],
) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool not found: run ./deploy/bootstrap tests")
    _, pages = served
    text = pages["/text"][1]
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert checked.returncode == 0, checked.stderr.decode()
    strict = pages["/openmetrics"][1].decode()
    families = list(text_string_to_metric_families(strict))  # type: ignore[no-untyped-call]
    samples = sum(len(family.samples) for family in families)
    assert samples == len(read(text, Format.TEXT.value).values) > 60 * GUESTS


def asked(port: int, query: str) -> list[dict[str, Any]]:
    """The answer to an instant query; empty while Prometheus is not up."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    except OSError:
        return []
    return found


def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_port)


def test_prometheus_ingests_every_format_alike(
    served: tuple[int, dict[str, tuple[str, bytes]]], tmp_path: Path
) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus not found: run ./deploy/bootstrap tests")
    port, pages = served
    jobs = [
        {"job_name": path[1:], "metrics_path": path, "scrape_interval": "1s",
         "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for path in pages
    ]  # fmt: skip
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": jobs}))
    own = free_port()
    log = (tmp_path / "log").open("wb")
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
         f"--web.listen-address=127.0.0.1:{own}"],
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        wait_for(
            lambda: len(asked(own, "scrape_samples_scraped > 0")) == len(pages),
            f"Prometheus scrapes all pages:\n{(tmp_path / 'log').read_text()[-2000:]}",
        )
        counts = set()
        for path, (kind, body) in pages.items():
            text = gzip.decompress(body) if path.endswith("gzip") else body
            series = len(read(text, kind).values)
            counts.add(series)
            job = f'{{job="{path[1:]}"}}'
            (counted,) = asked(own, f"scrape_samples_scraped{job}")
            assert int(counted["value"][1]) == series, path
            (stored,) = asked(own, f'count({{job="{path[1:]}",__name__=~"libvirt_.+|hostmon_.+"}})')
            assert int(stored["value"][1]) == series, path
        assert len(counts) == 1
    finally:
        prometheus.terminate()
        prometheus.wait(20)
        log.close()
