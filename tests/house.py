"""How large and how free of suppressions the product is kept: python -m tests.house."""

import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.databases import ROOT

MODULE_LINES = 400
FUNCTION_LINES = 45  # without the docstring
SUPPRESSIONS = 25  # in all
_APART = {"migrations", "tests", "stubs"}
_SUPPRESSION = re.compile(r"# (noqa\b|type: ignore)")
_WITH_REASON = re.compile(
    r"# (noqa: [A-Z0-9, ]+ [-(]|type: ignore\[[a-z, -]+\]  #) ?\w"
)


def modules() -> Iterator[Path]:
    """Yield the modules of the product, the SDK and the tools; no tests."""
    for package in sorted(ROOT.glob("*/")):
        if package.name not in _APART and not package.name.startswith("."):
            for path in sorted(package.rglob("*.py")):
                if not _APART & set(path.relative_to(ROOT).parts):
                    yield path


def too_long() -> Iterator[str]:
    """Say which modules and functions have too many lines."""
    for path in modules():
        name, text = path.relative_to(ROOT), path.read_text()
        if (lines := len(text.splitlines())) > MODULE_LINES:
            yield f"{name}: {lines} lines; a module has at most {MODULE_LINES}"
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    lines = _lines_of(node)
                    if lines > FUNCTION_LINES:
                        yield (
                            f"{name}:{node.lineno} {node.name}: {lines} lines; "
                            f"a function has at most {FUNCTION_LINES}"
                        )


def _lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return lines
    return lines - ((first.end_lineno or first.lineno) - first.lineno + 1)


def suppressions() -> list[str]:
    """Return where a linter or the type checker is told to look away."""
    return [
        f"{path.relative_to(ROOT)}:{token.start[0]} {token.string}"
        for path in modules()
        for token in _tokens_of(path)
        if token.type == tokenize.COMMENT and _SUPPRESSION.search(token.string)
    ]


def _tokens_of(path: Path) -> list[tokenize.TokenInfo]:
    with tokenize.open(path) as file:
        return list(tokenize.generate_tokens(file.readline))


def faults() -> list[str]:
    """Return all that is not as it is to be."""
    found, known = list(too_long()), suppressions()
    found += [f"{one}: no reason" for one in known if not _WITH_REASON.search(one)]
    if len(known) > SUPPRESSIONS:
        found += [*known, f"{len(known)} suppressions; at most {SUPPRESSIONS}"]
    return found


if __name__ == "__main__":
    print("\n".join(faults()))
    sys.exit(bool(faults()))
