"""The tests; a package so that the benchmarks can import the lab's helpers."""
