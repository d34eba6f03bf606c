"""What the kernel and the firmware say of this machine: topology, memory, processor, mounts.

Everything is read from roots that are parameters, and tolerates absent, truncated and garbled
files. Knows nothing of guests and libvirt.
"""
