"""What the server answers: metrics, health, readiness, and a landing page."""

import html
from functools import partial

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from hostmon.driver import AgentView
from hostmon.errors import SettingsError

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>hostmon {host}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}
table{{border-collapse:collapse}}td{{padding:.15rem 1.5rem .15rem 0}}</style></head>
<body><h1>hostmon on {host}</h1>
<table>{rows}</table>
<p><a href="/metrics">metrics</a> · <a href="/healthz">healthz</a> ·
<a href="/readyz">readyz</a></p>
</body></html>
"""


def application(view: AgentView) -> Starlette:
    """The routes, over the agent's view."""
    pages = Pages(view)
    return Starlette(
        routes=[
            Route("/metrics", pages.metrics),
            Route("/healthz", pages.healthz),
            Route("/readyz", pages.readyz),
            Route("/", pages.landing),
        ]
    )


class Pages:
    """Each answers one request."""

    def __init__(self, view: AgentView) -> None:
        self._view = view
        # One render at a time: scrapes that come together share it, and need no more threads.
        self._rendering = CapacityLimiter(1)

    async def metrics(self, request: Request) -> Response:
        """The metric page, as its reader takes it."""
        openmetrics = accepts_openmetrics(request.headers.get("accept", ""))
        compressed = accepts_gzip(request.headers.get("accept-encoding", ""))
        collect = request.query_params.getlist("collect[]")
        profile = request.query_params.get("profile", "")
        render = partial(
            self._view.metrics,
            openmetrics=openmetrics,
            compressed=compressed,
            collect=collect,
            profile=profile,
        )
        try:
            body = await to_thread.run_sync(render, limiter=self._rendering)
        except SettingsError as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        headers = {"vary": "accept, accept-encoding"}
        if compressed:
            headers["content-encoding"] = "gzip"
        media = OPENMETRICS if openmetrics else TEXT
        return Response(body, media_type=media, headers=headers)

    async def healthz(self, _request: Request) -> Response:
        """Whether every part of the agent is well."""
        if ailing := self._view.status().ailing:
            return PlainTextResponse(f"not well: {'; '.join(ailing)}\n", status_code=503)
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        """Whether libvirt is connected."""
        status = self._view.status()
        if status.connection == "up":
            return PlainTextResponse("ready\n")
        reason = f"libvirt connection {status.connection}: {status.connection_reason}\n"
        return PlainTextResponse(reason, status_code=503)

    async def landing(self, _request: Request) -> Response:
        """For people."""
        status = self._view.status()
        facts = {
            "libvirt": f"{status.uri}, {status.connection}",
            "guests": f"{status.guests}, {status.running} running",
            "events published": str(sum(kind.count for kind in status.kinds)),
            "bus": ", ".join(status.events_addresses),
            "version": status.version,
        }
        rows = "".join(
            f"<tr><td>{html.escape(key)}<td>{html.escape(value)}" for key, value in facts.items()
        )
        return HTMLResponse(PAGE.format(host=html.escape(status.host), rows=rows))


def accepts_openmetrics(header: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0 to the text format, as Prometheus' does."""
    openmetrics = plain = 0.0
    for part in header.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        given = dict(word.partition("=")[::2] for word in parameters)
        try:
            weight = float(given.get("q", 1))
        except ValueError:
            weight = 0.0
        if name == "application/openmetrics-text" and given.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, weight)
        elif name == "text/plain":
            plain = max(plain, weight)
    return openmetrics > 0 and openmetrics >= plain


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding header allows gzip; ``gzip;q=0`` refuses it (RFC 9110, 12.5.3)."""
    for part in header.split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() in {"gzip", "*"}:
            value = weight.replace(" ", "").partition("q=")[2] or "1"
            try:
                return float(value) > 0
            except ValueError:
                return False
    return False
