"""The two pipelines that the events bench compares, each in a process of its own.

``plain`` is what one writes with libvirt-python, queue, os.pipe, json and pyzmq; ``native`` is
hostmon's. ``process`` is what both share: commands, the storm of events, the busy thread.
"""
