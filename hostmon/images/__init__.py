"""What guests' disks occupy on this host, and what they may still grow to.

Image contents come from guests and their owners: nothing in them is trusted, and no format is
guessed from them. Knows nothing of libvirt; paths and formats are given by the caller.
"""
