"""A stand-in for a Cells server, in memory, over real HTTP, held to recorded answers of a real one."""
