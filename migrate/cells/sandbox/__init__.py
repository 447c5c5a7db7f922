"""A stand-in for a Cells server, in memory, over real HTTP, held to recorded answers of a real one.

    with Sandbox() as server:
        requests.get(server.url + "/a/config/discovery", headers={"Authorization": "Bearer " + server.token})
"""

from migrate.cells.sandbox.faults import CUT, EXPIRED, LOST, RESET, Fault, Faults
from migrate.cells.sandbox.server import Sandbox, run

__all__ = ["CUT", "EXPIRED", "LOST", "RESET", "Fault", "Faults", "Sandbox", "run"]
