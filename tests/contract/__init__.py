"""Drivers against their contract: in-tree ones, one from outside, and faulty ones."""
