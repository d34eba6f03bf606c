"""Faults injected into a real host, and the proof that nothing was lost unmarked."""
