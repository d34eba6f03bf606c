"""Calls a callback as libvirt would, for what no test can make a hypervisor do."""

from hostmon._pipe import EventPipe

def fire(pipe: EventPipe, domain: object, kind: int, *args: object) -> None: ...
