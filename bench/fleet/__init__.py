"""A fleet of simulated hosts, and what schedulers make of a trace of arrivals on it.

The hosts are the agent's own parts (pipe, dispatcher, ledger, claims, request socket, gate) without
a hypervisor: what libvirt and the keeper would tell is put into their pipes.
"""
