"""The guest's network interfaces."""

from hostmon.errors import RequestRefusedError
from hostmon.xml.build.requests import InterfaceRequest
from hostmon.xml.common import Named
from hostmon.xml.interface import Interface, InterfaceDriver, InterfaceSource
from hostmon.xml.netparts import FilterRef, VirtualPort, Vlan, VlanTag

# The attribute of the source that names what each type is joined to.
JOINED_BY = {"bridge": "bridge", "network": "network", "direct": "dev"}


def guest_interface(request: InterfaceRequest) -> Interface:
    """One interface; raises RequestRefusedError where its type lacks what it is joined to."""
    interface = Interface(type=request.type, mac=request.mac, model=request.model)
    attribute = JOINED_BY.get(request.type)
    if (attribute is None) != (request.source is None):
        does = "takes no source" if attribute is None else "needs a source"
        raise RequestRefusedError(f"interface: type {request.type!r} {does}; correct the request")
    if attribute is not None:
        interface.source = InterfaceSource(**{attribute: request.source})
    if request.queues:
        interface.driver = InterfaceDriver(name="vhost", queues=request.queues)
    if request.port_id:
        interface.virtualport = VirtualPort(type="openvswitch", interfaceid=request.port_id)
    if request.vlan is not None:
        interface.vlan = Vlan(tags=[VlanTag(id=request.vlan)])
    if request.filter:
        interface.filterref = FilterRef(
            filter=request.filter,
            parameters=[Named(name=name, value=value) for name, value in request.filter_parameters],
        )
    interface.target, interface.mtu = request.target, request.mtu
    interface.boot_order = request.boot_order
    return interface
