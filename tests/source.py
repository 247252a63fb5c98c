"""The product's own source, parsed once for all tests that look into it."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
_CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
    "importlinter"
]
_LAYERS = next(
    contract["layers"]
    for contract in _CONTRACTS["contracts"]
    if contract["type"] == "layers"
)
FLOORS = {  # how far below the roof each app is
    app.strip(): depth
    for depth, layer in enumerate(_LAYERS)
    for app in layer.split("|")
}


@dataclass(frozen=True, slots=True)
class Module:
    """A module of an app, and all that stands in it."""

    app: str
    path: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    def imported(self) -> Iterator[tuple[str, str]]:
        """Yield the module that each name comes from, and the name here."""
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom):
                yield from (
                    (node.module or "", one.asname or one.name) for one in node.names
                )
            elif isinstance(node, ast.Import):
                yield from ((one.name, one.asname or one.name) for one in node.names)

    def texts(self) -> Iterator[str]:
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def parsed(app: str, path: str, text: str) -> Module:
    tree = ast.parse(text)
    return Module(app, path, tree, tuple(ast.walk(tree)))


@cache
def modules() -> tuple[Module, ...]:
    """Return each module of the apps, but for migrations."""
    return tuple(
        parsed(app, str(path.relative_to(ROOT)), path.read_text())
        for app in FLOORS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    )
