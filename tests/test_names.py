"""One word, one thing: no two public classes of the product have one name."""

import ast
from collections import defaultdict

from tests.source import modules

OF_DJANGO = {"Command"}  # what it looks for in every module of commands


def test_each_class_has_a_name_of_its_own() -> None:
    places = defaultdict(list)
    for module in modules():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module.path)

    assert {
        name: found
        for name, found in places.items()
        if len(found) > 1 and name not in OF_DJANGO
    } == {}
