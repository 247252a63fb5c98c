"""What the SDK shares with the server: modules of the server's that it has copies of.

python -m dev.shared: writes the copies anew. The SDK is installed alone, and the server
without it, so neither can import the other's; the checks say when a copy is stale.
"""

from pathlib import Path

ROOT = Path(__file__).parent.parent
SHARED = {"lib/rules/closures.py": "sdk/llm_cost_ops/closures.py"}


def copy_of(source: str) -> str:
    """Return what the copy of *source* has to be."""
    head = f"# A copy of {source}, written by dev/shared.py: change it there.\n"
    return head + (ROOT / source).read_text()


def stale() -> list[str]:
    """Return the copies that are not what they have to be."""
    return [
        copy
        for source, copy in SHARED.items()
        if not (ROOT / copy).exists() or (ROOT / copy).read_text() != copy_of(source)
    ]


if __name__ == "__main__":
    for source, copy in SHARED.items():
        (ROOT / copy).write_text(copy_of(source))
