"""Reads the target on its own, compares with the source."""

from migrate.verify.difference import Difference, Options, Verdict
from migrate.verify.reader import Reader
from migrate.verify.verify import verify

__all__ = ["Difference", "Options", "Reader", "Verdict", "verify"]
