"""What a process remembers, kept in bounds and dropped in one place."""

from lib.memories import Memory, forget_everything


def test_more_than_the_most_drops_what_was_there() -> None:
    memory: Memory[str, int] = Memory(most=2)
    memory.remember("a", 1)
    memory.remember("b", 2)

    memory.remember("c", 3)

    assert memory == {"c": 3}


def test_a_full_memory_takes_news_of_what_it_knows() -> None:
    memory: Memory[str, int] = Memory(most=2)
    memory.remember("a", 1)
    memory.remember("b", 2)

    memory.remember("a", 3)

    assert memory == {"a": 3, "b": 2}


def test_everything_is_forgotten_at_once() -> None:
    one: Memory[str, int] = Memory(most=2)
    other: Memory[int, str] = Memory(most=2)
    one.remember("a", 1)
    other.remember(1, "a")

    forget_everything()

    assert (one, other) == ({}, {})
