"""The subscriber's side of the bus: needs neither libvirt nor a running agent's host.

``Subscriber`` gives typed events, ``HostView`` and ``FleetView`` what they add up to; ``ask`` puts
one question to an agent.
"""

from hostmon.client.endpoint import ClientKeys, Endpoint
from hostmon.client.filter import Filter
from hostmon.client.fleet import FleetView
from hostmon.client.repair import Repair
from hostmon.client.requests import ask, guests, health, schema, status
from hostmon.client.subscriber import Subscriber
from hostmon.client.view import HostView

__all__ = [
    "ClientKeys",
    "Endpoint",
    "Filter",
    "FleetView",
    "HostView",
    "Repair",
    "Subscriber",
    "ask",
    "guests",
    "health",
    "schema",
    "status",
]
