"""PHP as data: serialized values, configuration files, encrypted parameters. Nothing is ever executed."""
