"""Reads the target on its own and compares it with the source."""
