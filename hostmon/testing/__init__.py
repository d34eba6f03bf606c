"""What authors of drivers test with: a contract suite, sample events, an agent's view."""
