from ast import AST
from collections.abc import Callable, Mapping
from typing import Any

class SimpleEval:
    names: Mapping[str, Any]
    def __init__(
        self,
        operators: Mapping[type[AST], Callable[..., Any]] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None: ...
    def eval(self, expr: str, previously_parsed: AST | None = None) -> Any: ...
