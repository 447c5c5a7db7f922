"""Moves an organisation from AjaXplorer / Pydio (versions 3 to 8) to Pydio Cells."""

__version__ = "0.1.0"
