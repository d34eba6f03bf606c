"""Descriptions of guests from plain requests, and from what the host says that it can do."""
