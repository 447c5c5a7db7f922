"""How fast are serialized values read, compared with the independent library phpserialize on the same bytes?"""

from __future__ import annotations

import time

import phpserialize

from migrate.extract.php.values import loads


def seconds(read, data: bytes, rounds: int) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        read(data)
    return time.perf_counter() - start


def main() -> None:
    """Prints one ratio a kind of value: time of our reader divided by time of the baseline (smaller is better)."""
    small = phpserialize.dumps({"ajxp.roles": {"EDITORS": True, "ROOT_ROLE": True}, "ajxp.admin": False})
    large = phpserialize.dumps({f"file {n}.txt": {"AJXP_METADATA_SHAREDUSER": {"users_meta": {"stars": str(n % 5), "tags": "a,b"}}} for n in range(2000)})
    for name, data, rounds in (("rights of a user", small, 20_000), ("metadata of a folder", large, 20)):
        baseline = seconds(phpserialize.loads, data, rounds)
        ours = seconds(loads, data, rounds)
        print(f"{name}: ours / phpserialize = {ours / baseline:.2f}  ({len(data)} bytes, {rounds} rounds)")


if __name__ == "__main__":
    main()
