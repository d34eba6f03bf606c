"""What is asked of a scheduler, and what it answers. Types only."""

import uuid
from typing import Annotated, Self

import msgspec

from hostmon.errors import SettingsError
from hostmon.status import ClaimAnswer

Size = Annotated[int, msgspec.Meta(ge=0, lt=1 << 60)]


class PlacementRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guest that wants a host; sizes in bytes.

    ``uuid`` is the one by which it will start, made up where none is given. ``page_size`` is that
    of the huge pages that are to back its memory, 0 for none. ``traits`` are what its host must
    have. ``anti_affinity`` names guests (by uuid) and groups (by any other word) that it must not
    share a host with; by a group it becomes one of it.
    """

    vcpus: Annotated[int, msgspec.Meta(ge=1, lt=1 << 20)] = 1
    memory: Size = 0
    disk: Size = 0
    page_size: Size = 0
    traits: tuple[str, ...] = ()
    anti_affinity: tuple[str, ...] = ()
    uuid: str = ""
    name: str = ""

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """One request as JSON; raises SettingsError saying what is wrong with it."""
        try:
            request = msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SettingsError(str(error)) from None
        return request.known() if request.uuid else request

    @property
    def groups(self) -> tuple[str, ...]:
        """Of ``anti_affinity`` the groups: whose member it becomes."""
        return tuple(name for name in self.anti_affinity if not is_uuid(name))

    def known(self) -> Self:
        """The same with a uuid, and every uuid as libvirt writes it; raises SettingsError."""
        try:
            own = uuid.UUID(self.uuid) if self.uuid else uuid.uuid4()
        except ValueError:
            raise SettingsError(f"uuid {self.uuid!r}: give a UUID, or none") from None
        apart = tuple(map(spelled, self.anti_affinity))
        return msgspec.structs.replace(self, uuid=str(own), anti_affinity=apart)


def spelled(name: str) -> str:
    """A uuid as libvirt writes it, whatever its case and dashes; any other word as it is."""
    return str(uuid.UUID(name)) if is_uuid(name) else name


def is_uuid(name: str) -> bool:
    """Whether it is one, however it is written."""
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True


class RefusedClaim(msgspec.Struct, frozen=True, kw_only=True):
    """A host that refused, and of what it had too little; or why it did not answer."""

    host: str
    resource: str
    asked: int = 0
    free: int = 0

    @classmethod
    def told(cls, host: str, answer: ClaimAnswer | str) -> Self:
        """What a host answered to a claim, or why it did not."""
        if isinstance(answer, str):
            return cls(host=host, resource=answer)
        resource = answer.resource or answer.state
        return cls(host=host, resource=resource, asked=answer.asked, free=answer.free)


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a request was placed; ``host`` is empty where no host took it, and ``reason`` says why.

    ``claim`` is the id under which the host holds the room for ``ttl`` seconds.
    """

    request: PlacementRequest
    host: str = ""
    claim: str = ""
    ttl: float = 0.0
    refused: tuple[RefusedClaim, ...] = ()
    reason: str = ""


class LostPlacement(msgspec.Struct, frozen=True, kw_only=True):
    """A placement whose room is gone: its host's agent began anew, and refused to grant it again.

    ``refused`` says of what there was too little by then. Nobody holds room for its guest.
    """

    placement: Placement
    refused: RefusedClaim
