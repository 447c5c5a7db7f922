"""Pure functions: records, mappings and what Cells already holds become ordered, frozen Actions. No I/O, no clock."""
