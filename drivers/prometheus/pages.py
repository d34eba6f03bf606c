"""What the server answers: metrics, health, readiness, and a landing page."""

import asyncio
import html
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from hostmon.driver import AgentView
from hostmon_drivers.prometheus.scrapes import Answer, Asked, Scrapes

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


def application(view: AgentView, scrapes: Scrapes) -> Starlette:
    """The routes, over the agent's view."""
    pages = Pages(view, scrapes)
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

    def __init__(self, view: AgentView, scrapes: Scrapes) -> None:
        self._view = view
        self._scrapes = scrapes

    async def metrics(self, request: Request) -> Response:
        """The metric page, as its reader takes it."""
        said = request.headers
        asked = Asked(request.url.query, said.get("accept", ""), said.get("accept-encoding", ""))
        made: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._scrapes.soon(asked, partial(_settle, made))
        answer = await made
        return Response(b"".join(answer.body), answer.status, dict(answer.headers))

    async def healthz(self, _request: Request) -> Response:
        """Whether every part of the agent is well."""
        if ailing := self._view.status().ailing:
            return PlainTextResponse(f"not well: {'; '.join(ailing)}\n", status_code=503)
        return PlainTextResponse("ok\n")

    async def readyz(self, _request: Request) -> Response:
        """Whether the hypervisor is connected, and every guest as it says; if not, why."""
        status = self._view.status()
        if status.current:
            return PlainTextResponse("ready\n")
        return PlainTextResponse(f"{status.behind}\n", status_code=503)

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


def _settle(made: asyncio.Future[Answer], answer: Answer) -> None:
    if not made.done():  # whoever waited for it has been cancelled
        made.set_result(answer)
