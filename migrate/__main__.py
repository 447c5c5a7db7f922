"""Start the migration tool as a module: `python -m migrate COMMAND [options]`."""

from migrate.cli import main

main()
