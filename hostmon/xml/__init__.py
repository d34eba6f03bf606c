"""libvirt's XML as objects: one concept a file, the machinery in element.py."""
