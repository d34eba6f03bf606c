"""Benchmarks, each beside its peers in one run: ``python -m bench NAME``."""
