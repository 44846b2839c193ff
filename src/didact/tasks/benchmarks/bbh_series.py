"""Sample rows of our own for the files of BIG-Bench Hard that come in sizes (three, five, seven objects) and for timetables."""

from itertools import pairwise

from didact.tasks.benchmarks.bbh_puzzles import File, Row

_SIZES = {3: "three", 5: "five", 7: "seven"}
_PEOPLE = ("Ann", "Bob", "Cem", "Dora", "Eli", "Fay", "Gus")
_BOOKS = ("a red book", "a blue book", "a green book", "a white book", "a black book", "a brown book", "a pink book")


def options(question: str, listed: str) -> str:
    r"""Returns a question with its options below, one to a line, each with a letter.

    >>> options("Who?", "Ann / Bob")
    'Who?\nOptions:\n(A) Ann\n(B) Bob'
    """
    lines = (f"({letter}) {option}" for letter, option in zip("ABCDEFGHIJKLMNOPQR", listed.split(" / "), strict=False))
    return "\n".join([question, "Options:", *lines])


def _joined(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


def _deduction(size: int) -> tuple[Row, Row, Row]:
    """Returns rows about runners: each is said to finish behind the next, so the order is known."""
    people = _PEOPLE[:size]
    start = (
        f"The following paragraphs each describe a set of {_SIZES[size]} objects arranged in a fixed order. The statements are logically "
        f"consistent within each paragraph. In a race, there were {_SIZES[size]} runners: {_joined(list(people))}."
    )
    chain = " ".join(f"{first} finished right after {second}." for first, second in pairwise(people))
    order = f"From first to last they are {', '.join(reversed(people))}"

    def row(place: str, number: int) -> Row:
        listed = " / ".join(f"{person} finished {place}" for person in people)
        return options(f"{start} {chain}", listed), f"({'ABCDEFG'[number]})", f"{order}, so {people[number]} finished {place}."

    return row("first", size - 1), row("last", 0), row("second", size - 2)


def _swaps(size: int) -> tuple[Row, Row, Row]:
    """Returns rows about people who swap books; who holds what follows from the swaps."""
    people, listed = _PEOPLE[:size], " / ".join(_BOOKS[:size])
    owned = [f"{person} has {book}" for person, book in zip(people, _BOOKS, strict=False)]
    start = f"{_joined(list(people))} each have one book: {_joined(owned)}."

    def row(swaps: tuple[tuple[int, int], ...], asked: int) -> Row:
        held, said, steps = list(range(size)), list[str](), list[str]()
        for first, second in swaps:
            held[first], held[second] = held[second], held[first]
            said.append(f"{people[first]} and {people[second]} swap books.")
            steps.append(f"{people[first]} has {_BOOKS[held[first]]} and {people[second]} has {_BOOKS[held[second]]}")
        question = f"{start} {' Then, '.join(said)} At the end, {people[asked]} has"
        return options(question, listed), f"({'ABCDEFG'[held[asked]]})", f"{'; then '.join(steps)}."

    return row(((0, 1),), 0), row(((0, 1), (1, 2)), 2), row(((1, 2), (0, 2), (0, 1)), 1)


_TIMES = "Today, {name} went to the {place}. Between what times could they have gone?\nWe know that:\n{name} woke up at 7am.\n{seen}\n"

SERIES: dict[str, File] = {
    **{
        f"logical_deduction_{word}_objects": (f"Work out the order of {word} things from clues.", _deduction(size))
        for size, word in _SIZES.items()
    },
    **{
        f"tracking_shuffled_objects_{word}_objects": (f"Follow {word} things through a series of swaps.", _swaps(size))
        for size, word in _SIZES.items()
    },
    "temporal_sequences": (
        "Work out when somebody had time for something.",
        (
            (
                options(
                    _TIMES.format(
                        name="Mia", place="bank", seen="Leo saw Mia at the gym from 7am to 9am.\nIna saw Mia at work from 11am to 5pm."
                    )
                    + "The bank was closed after 5pm.\nBetween what times could Mia have gone to the bank?",
                    "7am to 9am / 9am to 11am / 11am to 5pm",
                ),
                "(B)",
                "Mia was seen from 7am to 9am and from 11am to 5pm; only 9am to 11am is left.",
            ),
            (
                options(
                    _TIMES.format(name="Sam", place="park", seen="Eva saw Sam in a cafe from 7am to 2pm.")
                    + "The park was closed after 4pm.\nBetween what times could Sam have gone to the park?",
                    "2pm to 4pm / 4pm to 6pm / 7am to 2pm",
                ),
                "(A)",
                "Sam was free from 2pm, and the park closed at 4pm.",
            ),
            (
                options(
                    _TIMES.format(name="Zoe", place="pool", seen="Max saw Zoe at school from 8am to 3pm.")
                    + "The pool was closed after 3pm.\nBetween what times could Zoe have gone to the pool?",
                    "8am to 3pm / 3pm to 5pm / 7am to 8am",
                ),
                "(C)",
                "Zoe woke up at 7am and was at school from 8am until the pool closed.",
            ),
        ),
    ),
}
"""By file."""
