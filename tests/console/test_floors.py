"""That no floor reaches up: by an import, by a name in a string, or by a hook."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
_LAYERS = next(
    contract["layers"]
    for contract in _SETTINGS["importlinter"]["contracts"]
    if contract["type"] == "layers"
)
FLOORS = {  # how far below the roof each app is
    app.strip(): depth
    for depth, layer in enumerate(_LAYERS)
    for app in layer.split("|")
}
CHANGES = {"append", "extend", "insert", "add", "update", "setdefault", "register"}
_DOTTED = re.compile(r"[a-z_]+(\.\w+)+")


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Yield each module of an app: app, path and tree."""
    for app in FLOORS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield app, str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the module that each name comes from, and the name here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (
                (node.module or "", one.asname or one.name) for one in node.names
            )
        elif isinstance(node, ast.Import):
            yield from ((one.name, one.asname or one.name) for one in node.names)


def named_above(app: str, tree: ast.Module) -> Iterator[str]:
    """Yield the strings that name a module of a floor above, as imports would."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        text = node.value
        first, *rest = text.split(".")
        if not _DOTTED.fullmatch(text) or FLOORS.get(first, FLOORS[app]) >= FLOORS[app]:
            continue
        module = ROOT / first / rest[0]
        if module.is_dir() or module.with_suffix(".py").is_file():
            yield text


def hooks(tree: ast.Module) -> Iterator[str]:
    """Yield what is done, while a module is imported, to what other apps own."""
    theirs = {name for source, name in imported(tree) if source.split(".")[0] in FLOORS}
    for node in tree.body:
        yield from (ast.unparse(node) for one in _changed(node) if _root(one) in theirs)


def _changed(node: ast.stmt) -> Iterator[ast.expr]:
    match node:
        case ast.Expr(ast.Call(ast.Attribute(changed, name))) if name in CHANGES:
            yield changed
        case ast.AugAssign(target=changed):
            yield changed
        case ast.Assign(targets=targets):
            yield from (one for one in targets if not isinstance(one, ast.Name))


def _root(target: ast.expr) -> str:
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def test_nothing_below_imports_the_console() -> None:
    wrong = [
        path
        for app, path, tree in modules()
        if FLOORS[app] > FLOORS["console"]
        for source, _ in imported(tree)
        if source.split(".")[0] == "console"
    ]

    assert wrong == []


def test_nothing_is_called_upward_by_its_name() -> None:
    wrong = [
        f"{path}: {name}"
        for app, path, tree in modules()
        for name in named_above(app, tree)
    ]

    assert wrong == []


def test_no_module_adds_to_what_another_keeps() -> None:
    wrong = [f"{path}: {one}" for _, path, tree in modules() for one in hooks(tree)]

    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "from budgets.admin import tools\ntools.append(1)",
        "from budgets import admin\nadmin.Page.tools += [1]",
        "from budgets import admin\nadmin.judge = print",
        "from budgets import admin\nadmin.judges['alerts'] = print",
    ],
)
def test_a_hook_is_found(source: str) -> None:
    assert list(hooks(ast.parse(source)))


@pytest.mark.parametrize(
    ("app", "text", "is_above"),
    [
        ("budgets", "alerts.tasks.rejudge", True),
        ("ledger", "console.budgets.tree", True),
        ("alerts", "alerts.tasks.rejudge", False),
        ("console", "alerts.tasks.rejudge", False),
        ("budgets", "alerts.created", False),  # names no module
        ("ledger", "budgets.read", False),
    ],
)
def test_a_name_of_a_floor_above_is_found(
    app: str, text: str, *, is_above: bool
) -> None:
    assert list(named_above(app, ast.parse(repr(text)))) == [text] * is_above
