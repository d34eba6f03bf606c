"""The boundary between agent and driver: declared calls, and a wrapper that holds drivers to them.

A base class declares each call with :func:`call`; :class:`Guard` makes the call and turns whatever
was not declared into a ContractError. Nothing else of a driver reaches its caller.
"""

import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from hostmon.errors import ContractError, HostmonError

Function = TypeVar("Function", bound=Callable[..., Any])
_END = object()


class Call(msgspec.Struct, frozen=True):
    """One declared call: what it returns, what it may raise, since which version of the API."""

    name: str
    returns: Any
    raises: tuple[type[HostmonError], ...]
    since: int


def call(*raises: type[HostmonError], since: int = 1) -> Callable[[Function], Function]:
    """Declare a method of a base class as one that the agent calls."""

    def declared(function: Function) -> Function:
        function.__dict__["contract"] = (raises, since)
        return function

    return declared


def calls_of(base: type) -> dict[str, Call]:
    """The calls that a base class declares, by name."""
    found = {}
    for name, function in vars(base).items():
        if isinstance(function, types.FunctionType) and "contract" in function.__dict__:
            raises, since = function.__dict__["contract"]
            returns = get_type_hints(function)["return"]
            found[name] = Call(name, returns, raises, since)
    return found


def matches(value: object, kind: Any) -> bool:
    """Whether a value is of a type as annotated; a bool is no int, a list no tuple."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is None or kind is types.NoneType:
        return value is None
    if kind is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(matches(value, one) for one in arguments)
    if origin is Iterator:
        return isinstance(value, Iterator)  # its items are looked at as they come
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(arguments) == 2 and arguments[1] is ...:
            return all(matches(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(matches, value, arguments))
    if kind in (int, float):
        return type(value) is kind
    return isinstance(value, kind)


def made(name: str, kind: Callable[[], Any]) -> Any:
    """A driver of this class; raises ContractError for whatever its constructor does instead."""
    try:
        return kind()
    except BaseException as error:  # SystemExit and the like are a driver's fault too
        called = getattr(kind, "__name__", "constructor")
        text = f"driver {name!r}: {called}() raised {error!r}; it may raise nothing"
        raise ContractError(text, "__init__", traceback.format_exc()) from error


class Guard:
    """One driver object behind its contract; ``on_breach`` is told of each breach first."""

    def __init__(
        self,
        name: str,
        driver: object,
        base: type,
        on_breach: Callable[[ContractError], object] = lambda _: None,
    ) -> None:
        self._name = name
        self._driver = driver
        self._calls = calls_of(base)
        self._on_breach = on_breach

    def __call__(self, method: str, *arguments: object) -> Any:
        """Call a declared method; raises what it declares, or ContractError."""
        declared = self._calls[method]
        value = self._held(declared, getattr(self._driver, method), *arguments)
        return self._checked(declared, value, declared.returns)

    def each(self, method: str, *arguments: object) -> Iterator[Any]:
        """Call a declared method that returns an iterator; each step is held to the contract."""
        declared = self._calls[method]
        items = self(method, *arguments)
        (kind,) = get_args(declared.returns)
        while (item := self._held(declared, next, items, _END)) is not _END:
            yield self._checked(declared, item, kind)

    def _held(self, declared: Call, function: Callable[..., Any], *arguments: object) -> Any:
        """What a function of the driver's returns; it may raise what is declared."""
        try:
            return function(*arguments)
        except declared.raises:
            raise
        except BaseException as error:  # SystemExit and the like are a driver's fault too
            allowed = ", ".join(one.__name__ for one in declared.raises) or "nothing"
            text = f"raised {type(error).__name__}: {error}; it may raise {allowed}"
            raise self._breach(declared, text, traceback.format_exc()) from error

    def _checked(self, declared: Call, value: Any, kind: Any) -> Any:
        """A value, if it is of the type declared."""
        if not matches(value, kind):
            text = f"returned {shortened(value)}; declared is {type_name(kind)}"
            raise self._breach(declared, text)
        return value

    def _breach(self, declared: Call, text: str, trace: str = "") -> ContractError:
        """The error of a breach, told already."""
        message = f"driver {self._name!r}: {declared.name}() {text}"
        error = ContractError(message, declared.name, trace)
        self._on_breach(error)
        return error


def held(name: str, driver: object, base: Any) -> Any:
    """An object of the base class whose declared calls reach the driver through a Guard.

    For callers that want methods instead of names; whatever is not declared is not there.
    """
    guard = Guard(name, driver, base)

    def through(method: str) -> Callable[..., Any]:
        return lambda *arguments: guard(method, *arguments)

    return types.SimpleNamespace(**{method: through(method) for method in calls_of(base)})


def type_name(kind: Any) -> str:
    """A type as documentation writes it."""
    if kind is types.NoneType:
        return "None"
    named = isinstance(kind, type) and get_origin(kind) is None
    return kind.__name__ if named else str(kind)


def shortened(value: object) -> str:
    """What a value is, even if its repr raises."""
    try:
        text = repr(value)
    except Exception:
        text = "something without a repr"
    return f"{type(value).__name__} {text[:80]}"
