"""Compiled helpers of tests and benches: built in place only, no part of what is installed."""
