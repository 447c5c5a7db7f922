"""Knows Cells, knows nothing of old servers: endpoints, session and models."""
