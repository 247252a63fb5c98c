"""That no floor reaches up: by an import, by a name in a string, or by a hook."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.source import FLOORS, ROOT, Module, modules, parsed

CHANGES = {"append", "extend", "insert", "add", "update", "setdefault", "register"}
_DOTTED = re.compile(r"[a-z_]+(\.\w+)+")


def named_above(module: Module) -> Iterator[str]:
    """Yield the strings that name a module of a floor above, as imports would."""
    floor = FLOORS[module.app]
    for text in module.texts():
        first, *rest = text.split(".")
        if not _DOTTED.fullmatch(text) or FLOORS.get(first, floor) >= floor:
            continue
        named = ROOT / first / rest[0]
        if named.is_dir() or named.with_suffix(".py").is_file():
            yield text


def hooks(module: Module) -> Iterator[str]:
    """Yield what is done, while a module is imported, to what other apps own."""
    theirs = {
        name for source, name in module.imported() if source.split(".")[0] in FLOORS
    }
    for node in module.tree.body:
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
        module.path
        for module in modules()
        if FLOORS[module.app] > FLOORS["console"]
        for source, _ in module.imported()
        if source.split(".")[0] == "console"
    ]

    assert wrong == []


def test_nothing_is_called_upward_by_its_name() -> None:
    wrong = [
        f"{module.path}: {name}" for module in modules() for name in named_above(module)
    ]

    assert wrong == []


def test_no_module_adds_to_what_another_keeps() -> None:
    wrong = [f"{module.path}: {one}" for module in modules() for one in hooks(module)]

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
    assert list(hooks(parsed("alerts", "here.py", source)))


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
    found = list(named_above(parsed(app, "here.py", repr(text))))

    assert found == [text] * is_above
