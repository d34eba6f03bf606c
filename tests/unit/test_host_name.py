"""The longest name that a host may have reaches whoever subscribes."""

from pathlib import Path

from hostmon.agent import Agent
from hostmon.client import Endpoint, Subscriber
from hostmon.settings import HOST_NAME_MAX, AgentSettings, BusSettings, Settings
from tests.agent_process import wait_for


def test_the_longest_name_is_welcomed(tmp_path: Path) -> None:
    name = "ä" * (HOST_NAME_MAX // 2) + "x"
    endpoint = Endpoint(f"ipc://{tmp_path}/events", f"ipc://{tmp_path}/requests")
    made = Agent(
        Settings(
            agent=AgentSettings(virt="fake", drivers=(), host=name),
            bus=BusSettings(events=(endpoint.events,), requests=endpoint.requests),
        )
    )
    made.start()
    try:
        with Subscriber(endpoint, view=True) as subscriber:
            view = subscriber.views[0]
            wait_for(lambda: subscriber.receive(0.05) is not None and view.joined)
            assert view.host == name
            assert subscriber.malformed == 0
    finally:
        made.stop()
