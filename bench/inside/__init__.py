"""The part of a bench that runs inside a lab node, beside its libvirtd and its guests.

``python -m bench.inside.NAME ARGUMENTS`` prints one JSON object.
"""
