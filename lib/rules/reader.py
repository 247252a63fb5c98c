"""The reader of rules: from text to the form that `closures` compiles. Pure.

Numbers, text in quotes and names, < <= > >= == !=, in and not in, + - * /, and, or,
not, brackets; a vocabulary says which names and functions there are. Nothing else is
read, so nothing else can be done. Its size is bounded before anything is done with it.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from lib.errors import Invalid
from lib.rules.closures import MODEL, reckoned
from lib.rules.vocabularies import CLOCK, NUMBER, TAGS, TEXT, Vocabulary

MOST_PARTS = 200  # names, numbers, texts and what joins them
LONGEST_TEXT = 400  # characters in quotes
_DEEPEST = 40  # brackets, signs and sums within each other
_MOST = Decimal(10) ** 15  # numbers are below
_FINEST = Decimal("1e-20")  # a number's last place; what is finer is rounded
_EXACT = Context(prec=60)
_QUOTED = 40  # characters of a part that is pointed at
_ALWAYS = ["==", {"number": "1"}, {"number": "1"}]

_ARITHMETIC: Mapping[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_COMPARISONS: Mapping[type[ast.AST], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_BY_SIZE = frozenset({"<", "<=", ">", ">="})


class _Piece(NamedTuple):
    """A number, text, tags: what it is, and its wire form."""

    kind: str
    wire: Any
    name: str = ""  # of a bare name
    constant: Any = None  # None: it is none


def _number(exact: Decimal) -> _Piece:
    return _Piece(NUMBER, {"number": f"{exact:f}"}, constant=exact)


class Reader:
    """Turns one text into a wire form; `names` and `models` are those it came by."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary
        self.names: set[str] = set()
        self.models: set[str] = set()

    # -- What is refused

    def refuse(self, problem: str, at: ast.expr | None = None) -> NoReturn:
        known = self.vocabulary
        part = self._source_of(at) if at is not None else ""
        where = f" (at “{part}”)" if part and part not in problem else ""
        raise Invalid.field(
            known.noun,
            f"The {known.noun} “{_shown(self.text)}” {problem}{where}. {known.guide}",
        )

    def _source_of(self, node: ast.expr) -> str:
        source = _shown(ast.get_source_segment(self.text, node) or "")
        return source if len(source) <= _QUOTED else f"{source[:_QUOTED]}…"

    def _odd_part(self) -> str:
        if self.vocabulary.has_texts:
            return "has a part that is neither a number nor text nor a name"
        return "has a part that is not a number"

    # -- The whole

    def form(self) -> Any:
        """Return the wire form of the whole text.

        Raises:
            Invalid: it can't be read, is too large, or asks for what there is not.
        """
        known, tree = self.vocabulary, self._tree()
        form = self.truth(tree)
        if not self.names and not (isinstance(tree, ast.Name) and known.always):
            hint = f"; write {known.always} if it is to be" if known.always else ""
            self.refuse(f"is the same for every {known.subject}{hint}")
        return form

    def _tree(self) -> ast.expr:
        """Return the tree of the text, which is of a bounded size."""
        if _is_odd(self.text):
            self.refuse("can't be read: it has NUL, or half of a pair of characters")
        try:
            tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            self.refuse(f"can't be read{_place(error.offset)}")
        except (ValueError, RecursionError, MemoryError):
            self.refuse("can't be read")
        levels, parts = _size_of(tree)
        if levels > _DEEPEST:
            self.refuse("has too much within each other")
        if parts > MOST_PARTS:
            self.refuse(f"has more than {MOST_PARTS} names, numbers and operators")
        return tree

    def truth(self, node: ast.expr) -> Any:
        """Read *node*, which is to be true or false."""
        match node:
            case ast.Compare():
                return self._chain(node)
            case ast.BoolOp():
                word = "and" if isinstance(node.op, ast.And) else "or"
                return [word, *map(self.truth, node.values)]
            case ast.UnaryOp(op=ast.Not()):
                return ["not", self.truth(node.operand)]
            case ast.Name(id=word) if word == self.vocabulary.always:
                return _ALWAYS
        return self.refuse("compares nothing", node)

    # -- Comparisons

    def _chain(self, node: ast.Compare) -> Any:
        """Read a comparison; `9 <= hour < 17` is two."""
        lefts, rights = [node.left, *node.comparators], node.comparators
        forms = [
            self._comparison(left, self._sign(op, node), right)
            for left, op, right in zip(lefts, node.ops, rights, strict=False)
        ]
        return forms[0] if len(forms) == 1 else ["and", *forms]

    def _sign(self, op: ast.cmpop, node: ast.expr) -> str:
        sign = _COMPARISONS.get(type(op))
        if sign is None:
            self.refuse("uses “is”; write ==", node)
        if sign in {"in", "not in"} and not self.vocabulary.has_texts:
            self._refuse_operator(node)
        return sign

    def _refuse_operator(self, node: ast.expr) -> NoReturn:
        self.refuse(f"uses an operator that {self.vocabulary.noun}s don't have", node)

    def _comparison(self, left: ast.expr, sign: str, right: ast.expr) -> Any:
        if sign in {"in", "not in"}:
            return self._membership(self.value(left), sign, right)
        one, other = self.value(left), self.value(right)
        self._check_kinds(one, sign, other)
        self._check_constant(one, other)
        self._check_constant(other, one)
        if sign not in _BY_SIZE:
            if one.constant is not None:  # a constant is on the right
                one, other = other, one
            other = self._filed(one, other)
            if one.name == MODEL and other.constant is not None:
                self.models.add(other.constant)
        return [sign, one.wire, other.wire]

    def _membership(self, one: _Piece, sign: str, right: ast.expr) -> Any:
        if isinstance(right, ast.Name) and self._kind_of(right.id) == TAGS:
            if one.kind != TEXT:
                self.refuse("looks in tags for something else than text", right)
            return [sign, one.wire, self.value(right).wire]
        several = isinstance(right, ast.Tuple | ast.List | ast.Set)
        nodes: Iterable[ast.expr] = getattr(right, "elts", ()) if several else (right,)
        known = [self.value(each) for each in nodes]
        if not known or any(each.constant is None for each in known):
            self.refuse("has no list of texts or numbers in brackets after “in”", right)
        for each in known:
            self._check_kinds(one, "==", each)
            self._check_constant(one, each)
        known = [self._filed(one, each) for each in known]
        if one.name == MODEL:
            self.models.update(each.constant for each in known)
        return [sign, one.wire, ["list", *(each.wire for each in known)]]

    def _filed(self, one: _Piece, other: _Piece) -> _Piece:
        """Return a constant as all write what it names."""
        name = self.vocabulary.names.get(one.name)
        if name is None or name.kind != TEXT or other.constant is None:
            return other
        text = name.filed(other.constant)
        return _Piece(TEXT, text, constant=text)

    def _check_kinds(self, one: _Piece, sign: str, other: _Piece) -> None:
        if one.kind != other.kind:
            self.refuse(f"compares {one.kind} with {other.kind}")
        if one.kind == TAGS:
            self.refuse('compares tags; write "x" in tags, or tags["team"] == "x"')
        if sign in _BY_SIZE and one.kind == TEXT:
            names = self.vocabulary.names
            sized = (names[each.name].is_clock for each in (one, other) if each.name)
            if not any(sized):
                self.refuse("compares text by size; only numbers and time have one")

    def _check_constant(self, named: _Piece, given: _Piece) -> None:
        """Refuse what a name never is, lest the rule silently never holds."""
        name, value = self.vocabulary.names.get(named.name), given.constant
        if name is None or value is None:
            return
        if name.is_clock and not CLOCK.fullmatch(value):
            self.refuse(f"compares {named.name} with “{value}”; write it as 09:00")
        if name.most is not None and value > name.most:
            self.refuse(f"has {value} for a share; write 0.9 for 90 %")

    # -- Numbers, texts and names

    def value(self, node: ast.expr) -> _Piece:
        """Read *node*, which is to be a number, text or tags."""
        match node:
            case ast.Name():
                return self._name(node.id)
            case ast.Constant():
                return self._constant(node)
            case ast.UnaryOp():
                return self._signed(node)
            case ast.BinOp():
                sign = _ARITHMETIC.get(type(node.op)) or self._refuse_operator(node)
                return _reckoned(sign, self._numbers([node.left, node.right]))
            case ast.Call() if self.vocabulary.functions:
                return self._call(node)
            case ast.Subscript(
                value=ast.Name(id=name), slice=ast.Constant() as key
            ) if self._kind_of(name) == TAGS:
                return self._tag(name, key)
        return self.refuse(self._odd_part(), node)

    def _kind_of(self, name: str) -> str:
        known = self.vocabulary.names.get(name)
        return "" if known is None else known.kind

    def _name(self, name: str) -> _Piece:
        known = self.vocabulary.names
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.7)
            hints = (f"; {word} is {known[word].meaning}" for word in near)
            self.refuse(f"names “{name}”, which there is not{''.join(hints)}")
        self.names.add(name)
        return _Piece(known[name].kind, {"name": name}, name)

    def _constant(self, node: ast.Constant) -> _Piece:
        value = node.value
        if isinstance(value, str) and self.vocabulary.has_texts:
            self._check_text(value, node)
            return _Piece(TEXT, value, constant=value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            is_text = " nor text in quotes" if self.vocabulary.has_texts else ""
            none = "neither a number" if is_text else "not a number"
            self.refuse(f"has {value!r}, which is {none}{is_text}")
        exact = _exact(value, ast.get_source_segment(self.text, node) or "")
        if exact is None:
            self.refuse("has a number that is too large", node)
        return _number(exact)

    def _check_text(self, text: str, node: ast.expr) -> None:
        if len(text) > LONGEST_TEXT:
            self.refuse(f"has more than {LONGEST_TEXT} characters in quotes", node)
        if _is_odd(text):
            problem = "has text in quotes with NUL, or half of a pair of characters"
            self.refuse(problem, node)

    def _signed(self, node: ast.UnaryOp) -> _Piece:
        match node.op:
            case ast.USub():
                zero = _number(Decimal(0))
                return _reckoned("-", [zero, *self._numbers([node.operand])])
            case ast.UAdd():
                return self._numbers([node.operand])[0]
        if isinstance(node.op, ast.Not):
            self.refuse(self._odd_part(), node)
        return self._refuse_operator(node)

    def _tag(self, name: str, key: ast.Constant) -> _Piece:
        if not isinstance(key.value, str):
            self.refuse('has tags[...] without a name in quotes, as in tags["team"]')
        self._check_text(key.value, key)
        self.names.add(name)
        return _Piece(TEXT, ["tag", key.value])

    def _call(self, node: ast.Call) -> _Piece:
        known = self.vocabulary.functions
        function = node.func.id if isinstance(node.func, ast.Name) else ""
        if function not in known or not node.args or node.keywords:
            self.refuse("calls something else than abs(), min() or max() of numbers")
        numbers = self._numbers(node.args)
        if (function == "abs") is not (len(node.args) == 1):
            self.refuse("needs one number in abs(), two or more in min() and max()")
        return _reckoned(function, numbers)

    def _numbers(self, nodes: Iterable[ast.expr]) -> list[_Piece]:
        pieces = [self.value(node) for node in nodes]
        if any(piece.kind != NUMBER for piece in pieces):
            self.refuse("reckons with something that is not a number")
        return pieces


def _reckoned(word: str, pieces: Sequence[_Piece]) -> _Piece:
    folded = reckoned(word, [piece.constant for piece in pieces])
    if folded is not None:
        return _number(folded)
    return _Piece(NUMBER, [word, *(piece.wire for piece in pieces)])


def _exact(value: float, source: str) -> Decimal | None:
    """Return a number as it is written, for the float 0.9 is a little more than 0.9;
    None: it is too large."""
    shown = Decimal(str(value))
    if not shown.is_finite() or abs(shown) >= _MOST:
        return None
    try:
        written = Decimal(source.replace("_", ""))
        rounded = written.quantize(_FINEST, context=_EXACT)
    except ArithmeticError:  # a whole number in hexadecimals, an endless exponent
        return shown
    if shown in (written, rounded):
        return shown
    return written if written == rounded else rounded


def _size_of(tree: ast.expr) -> tuple[int, int]:
    """Return how many nodes are within each other, and how many there are; of a tree
    too deep for any rule only the first levels."""
    level: list[ast.AST] = [tree]
    levels = parts = 0
    while level and levels <= _DEEPEST:
        levels += 1
        parts += sum(isinstance(node, ast.expr) for node in level)
        level = [inner for node in level for inner in ast.iter_child_nodes(node)]
    return levels, parts


def _is_odd(text: str) -> bool:
    """Tell whether no database and no JSON takes *text*."""
    return any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def _place(offset: int | None) -> str:
    return f" at character {offset}" if offset else ""
