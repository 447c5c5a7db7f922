"""Start the migration tool: `python run_migration.py COMMAND [options]`."""

from migrate.cli import main

main()
