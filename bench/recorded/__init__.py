"""A whole agent over a recorded host: what it keeps of guests, measured in a process of its own."""
