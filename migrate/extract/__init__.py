"""Knows old servers, knows nothing of Cells: reads AjaXplorer and Pydio installations and yields frozen records."""
