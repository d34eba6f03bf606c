"""A subscriber that loses events on purpose, as a network would."""

from collections.abc import Callable
from typing import Any

from hostmon.client import Subscriber
from hostmon.events import Event


class LossySubscriber(Subscriber):
    """Takes no notice of the events that ``drop`` says are lost; heartbeats always come."""

    def __init__(self, *arguments: Any, drop: Callable[[Event], bool], **options: Any) -> None:
        super().__init__(*arguments, **options)
        for link in self._links:
            take = link._take_event

            def take_some(event: Event, out: list[Event], take: Any = take) -> None:
                if not drop(event):
                    take(event, out)

            link._take_event = take_some  # type: ignore[method-assign]
