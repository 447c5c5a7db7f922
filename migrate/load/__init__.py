"""Executes Actions, journals every one, moves content."""
