"""The subscriber's side of the bus: needs neither libvirt nor a running agent's host.

``Subscriber`` iterates over typed events, ``ask`` puts one question to an agent.
"""

from hostmon.client.requests import ask, guests, status
from hostmon.client.subscriber import Gap, Subscriber

__all__ = ["Gap", "Subscriber", "ask", "guests", "status"]
