import pytest

pytest.register_assert_rewrite("tests.budgets.worlds")  # failures there say why too
