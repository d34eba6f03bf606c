"""A second implementation of docs/wire.md, in C, held against the Python one."""
