"""The guest's CPU: a model this host can run, and how its vCPUs are arranged."""

from hostmon.errors import RequestRefusedError
from hostmon.xml.build.facts import refuse
from hostmon.xml.build.requests import CpuRequest
from hostmon.xml.cpu import Cpu, Feature, Model, Numa, NumaCell, Topology
from hostmon.xml.domaincaps import CpuMode, DomainCapabilities
from hostmon.xml.memory import MemoryNode, NumaTune
from hostmon.xml.values import cpus


def guest_cpu_model(request: CpuRequest, caps: DomainCapabilities) -> Cpu | None:
    """The mode, model and features; None where the emulator's default is wanted.

    Raises RequestRefusedError for a mode, model or feature that the host does not have.
    """
    if request.mode is None:
        if request.models or request.require or request.disable:
            raise RequestRefusedError(
                "cpu: models or features without a mode have no meaning; ask for mode 'custom'"
            )
        return None
    mode = _mode(request.mode, caps)
    cpu = Cpu(mode=request.mode)
    if request.mode == "host-passthrough":
        cpu.check = "none"
    if request.mode == "custom":
        cpu.match = "exact"
        cpu.model = Model(name=_model(request.models, mode), fallback="forbid")
    elif request.models:
        refuse("cpu models", request.models, f"do not go with {request.mode}", "use mode 'custom'")
    both = sorted(set(request.require) & set(request.disable))
    if both:
        refuse("cpu features", both, "are both required and disabled", "choose one")
    wanted = {name: "require" for name in request.require}
    wanted |= {name: "disable" for name in request.disable}
    cpu.features = [Feature(policy=policy, name=name) for name, policy in wanted.items()]
    return cpu


def guest_cpu(request: CpuRequest, vcpus: int, memory: int, caps: DomainCapabilities) -> Cpu | None:
    """The model with topology and NUMA cells; None where nothing of it is asked for."""
    cpu = guest_cpu_model(request, caps)
    arranged = request.sockets or request.cores > 1 or request.threads > 1
    if cpu is None and not arranged and not request.cells:
        return None
    cpu = cpu or Cpu()
    if arranged:
        cpu.topology = _topology(request, vcpus)
    if request.cells:
        cpu.numa = _numa(request, vcpus, memory)
    return cpu


def guest_numatune(request: CpuRequest) -> NumaTune | None:
    """The binding of cells to the host's nodes; None where no cell asks for nodes."""
    bound = [
        MemoryNode(cellid=number, mode="strict", nodeset=cell.nodes)
        for number, cell in enumerate(request.cells)
        if cell.nodes is not None
    ]
    return NumaTune(memnodes=bound) if bound else None


def _mode(name: str, caps: DomainCapabilities) -> CpuMode:
    modes = {mode.name: mode for mode in caps.cpu_modes if mode.supported}
    if name not in modes:
        names = ", ".join(map(str, modes)) or "none"
        refuse("cpu mode", name, f"is not supported for {caps.domain} guests", f"choose {names}")
    return modes[name]


def _model(models: tuple[str, ...], mode: CpuMode) -> str:
    """The first of the models that this host can run."""
    if not models:
        raise RequestRefusedError("cpu models: none given for mode 'custom'; name at least one")
    usable = [str(model.name) for model in mode.models if model.usable != "no"]
    for name in models:
        if name in usable:
            return name
    lacks = {
        str(blocked.model): "lacks " + ", ".join(blocked.features) for blocked in mode.blockers
    }
    why = "; ".join(f"{name} {lacks.get(name, 'is not usable here')}" for name in models)
    refuse("cpu models", ", ".join(models), f"cannot run: {why}", f"use {', '.join(usable[-5:])}")


def _topology(request: CpuRequest, vcpus: int) -> Topology:
    each = request.cores * request.threads
    sockets = request.sockets or vcpus // each
    if sockets * each != vcpus:
        refuse(
            "topology",
            f"{sockets} x {request.cores} x {request.threads}",
            f"is not {vcpus} vCPUs",
            "make sockets times cores times threads the number of vCPUs",
        )
    return Topology(sockets=sockets, cores=request.cores, threads=request.threads)


def _numa(request: CpuRequest, vcpus: int, memory: int) -> Numa:
    named = [cpus(cell.cpus) for cell in request.cells]
    if sorted(number for cell in named for number in cell) != list(range(vcpus)):
        lists = [cell.cpus for cell in request.cells]
        refuse("cells", lists, f"do not hold each of {vcpus} vCPUs once", "correct their cpus")
    total = sum(cell.memory for cell in request.cells)
    if total != memory:
        refuse("cells", total, f"bytes are not the guest's {memory}", "correct their memory")
    return Numa(
        cells=[
            NumaCell(id=number, cpus=cell.cpus, memory=cell.memory >> 10, unit="KiB")
            for number, cell in enumerate(request.cells)
        ]
    )
