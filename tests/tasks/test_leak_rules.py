"""The rules of the leak check: covered share and near-duplicates counted by hand, and against comparing every pair."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from random import Random

import pytest

from didact.base.config import Document, validate
from didact.base.errors import DataError, RecipeError
from didact.base.leaks_section import Leaks
from didact.base.types import Example
from didact.tasks.leak_report import LeakReport
from didact.tasks.leaks import find_leaks, settle
from didact.tasks.near_duplicates import NUM_HASHES, banding
from didact.tasks.task import Task, TaskSet
from didact.tasks.word_hashes import hash_texts, runs
from didact.tasks.words import words

TWELVE = "one two three four five six seven eight nine ten eleven twelve"
ALL = ("exact", "ngram", "8-gram-50", "near")


def task(name: str, texts: Sequence[str]) -> Task:
    return Task(name, [Example(f"{i:03}", {"input": text}, where=f"{name}.json, row {i}") for i, text in enumerate(texts)])


def tasks(**texts: Sequence[str]) -> TaskSet:
    return TaskSet(task(name, rows) for name, rows in texts.items())


def filler(letter: str, number: int) -> str:
    return " ".join(f"{letter}{i}" for i in range(number))


def first(number: int) -> str:
    return " ".join(TWELVE.split()[:number])


# ------------------------------------------------------------------------------------------------------------- the covered share


@pytest.mark.parametrize(
    ("seen", "unseen", "share"),
    [
        (f"{first(8)} {filler('x', 8)}", f"{first(8)} {filler('y', 30)}", Fraction(8, 16)),  # 8 of 16 words; 8 of 38 of the other
        (f"{first(8)} {filler('x', 9)}", f"{first(8)} {filler('y', 30)}", None),  # 8 of 17: less than half of either
        (f"{first(8)} {filler('x', 90)}", f"{first(8)} {filler('y', 8)}", Fraction(8, 16)),  # half of the unseen one is enough
        (first(11) + " zz", f"{TWELVE} {filler('y', 90)}", Fraction(11, 12)),  # four 8-grams cover words 1 to 11 of 12
        (f"{first(7)} {filler('x', 1)}", f"{first(7)} {filler('y', 1)}", None),  # 7 words in a row are no 8-gram
        (first(7), first(7), None),  # the same, and too short to hold one
        (f"{first(8)} gap {first(8)}", f"{filler('y', 50)} {first(8)}", Fraction(16, 17)),  # one 8-gram stands in two places
    ],
)
def test_the_covered_share_is_counted_by_hand(seen: str, unseen: str, share: Fraction | None) -> None:
    report = find_leaks(tasks(a=[seen]), tasks(u=[unseen]), rules=["8-gram-50"])
    assert report.by_kind == {"8-gram-50": (int(share is not None), int(share is not None))}
    assert [leak.similarity for leak in report.leaks] == ([] if share is None else [pytest.approx(float(share), abs=1e-4)])


def test_the_share_is_of_one_pair_and_not_of_all_together() -> None:
    parts = [" ".join(f"{letter}{i}" for i in range(8)) for letter in "pqrs"]
    long = " ".join(parts)
    # Each of the four seen rows covers 8 of the 32 words of the unseen one, and 8 of its own 40: together 100 %, alone 25 %.
    seen = tasks(a=[f"{part} {filler('x', 32)}" for part in parts])
    assert find_leaks(seen, tasks(u=[long]), rules=["8-gram-50"]).num_seen_leaking == 0
    assert find_leaks(seen, tasks(u=[long]), rules=["8-gram-25"]).num_seen_leaking == 4


def naive_cover(one: list[str], other: list[str], ngram: int) -> int:
    held = {tuple(other[i : i + ngram]) for i in range(len(other) - ngram + 1)}
    covered = {i + k for i in range(len(one) - ngram + 1) if tuple(one[i : i + ngram]) in held for k in range(ngram)}
    return len(covered)


def test_the_covered_share_agrees_with_comparing_every_pair() -> None:
    random, num_leaking = Random(4), 0
    for letters in ("ab", "abc", "abcdefgh") * 8:
        # At most four rows a side: nothing is constant wording.
        sides = [[random.choices(letters, k=random.randrange(16)) for _ in range(4)] for _ in range(2)]
        expected = {
            (f"{i:03}", f"{j:03}")
            for (i, one), (j, other) in product(enumerate(sides[0]), enumerate(sides[1]))
            if (len(one) >= 3 and 5 * naive_cover(one, other, 3) >= 3 * len(one))
            or (len(other) >= 3 and 5 * naive_cover(other, one, 3) >= 3 * len(other))
        }
        texts = [[" ".join(row) for row in side] for side in sides]
        report = find_leaks(tasks(a=texts[0]), tasks(u=texts[1]), rules=["3-gram-60"])
        assert {example for _, example in report.leaking} == {one for one, _ in expected}
        assert {example for _, example in report.leaking_unseen} == {other for _, other in expected}
        num_leaking += len(expected)
    assert num_leaking > 50


def test_the_constant_wording_of_a_task_does_not_dilute_the_share() -> None:
    frame = "please read the following passage with great care and then say in your own words what it means to you now"
    rows = [f"{frame} {filler(f'r{i}n', 20)}" for i in range(5)] + [f"{frame} {TWELVE}"]
    # 21 words of frame stand in all six rows. The last row has 12 words of its own; all of them are shared.
    (leak,) = find_leaks(tasks(a=rows), tasks(u=[f"{TWELVE} {filler('y', 60)}"]), rules=["8-gram-50"]).leaks
    assert (leak.seen_example, leak.similarity) == ("005", 1.0)
    # Without the frame's five other rows nothing is constant: 12 of 33 words, less than half.
    assert find_leaks(tasks(a=rows[5:]), tasks(u=[f"{TWELVE} {filler('y', 60)}"]), rules=["8-gram-50"]).leaks == ()


# --------------------------------------------------------------------------------------------------------------- near-duplicates


@pytest.mark.parametrize(
    ("seen", "unseen", "jaccard"),
    [
        (TWELVE, TWELVE.replace(" ", ", ").upper() + "!!", Fraction(10, 10)),  # 12 words: 10 threes, all the same
        (TWELVE, first(11) + " zz", Fraction(9, 11)),  # the last three differs: 9 of 10 + 10 - 9
        (TWELVE, "zz " + TWELVE, Fraction(10, 11)),
        (TWELVE, first(10) + " zz yy", None),  # 8 of 12 is 0.67
        (TWELVE, TWELVE.replace("six", "zz"), None),  # three threes hold "six": 7 of 13
        (first(7), first(7), Fraction(5, 5)),
        (first(6), first(6), None),  # four threes are too few to tell
    ],
)
def test_similarity_is_computed_by_hand(seen: str, unseen: str, jaccard: Fraction | None) -> None:
    report = find_leaks(tasks(a=[seen]), tasks(u=[unseen]), rules=["near"])
    assert report.by_kind == {"near-duplicate": (int(jaccard is not None), int(jaccard is not None))}
    assert [leak.similarity for leak in report.leaks] == ([] if jaccard is None else [pytest.approx(float(jaccard), abs=1e-4)])


def test_the_most_similar_unseen_example_is_named() -> None:
    (leak,) = find_leaks(tasks(a=[TWELVE]), tasks(u=[first(11) + " zz", TWELVE + " zz", "zz " + TWELVE]), rules=["near"]).leaks
    # 9 / 11 = 0.82, and twice 10 / 11 = 0.91: the first of these by id.
    assert (leak.unseen_example, leak.similarity, leak.unseen_where) == ("001", pytest.approx(10 / 11, abs=1e-4), "u.json, row 1")


def naive_jaccard(one: str, other: str) -> Fraction:
    sets = [{tuple(found[i : i + 3]) for i in range(len(found) - 2)} for found in (words(one), words(other))]
    return Fraction(len(sets[0] & sets[1]), len(sets[0] | sets[1])) if min(map(len, sets)) >= 5 else Fraction(0)


@pytest.mark.parametrize("similarity", [0.5, 0.8, 1.0])
def test_near_duplicates_agree_with_comparing_every_pair(similarity: float) -> None:
    random = Random(5)
    seen, unseen = list[str](), list[str]()
    for number in range(150):
        row = [f"w{number}x{i}" for i in range(random.randrange(5, 40))]
        seen.append(" ".join(row))
        for _ in range(random.randrange(6)):
            row[random.randrange(len(row))] = f"z{random.randrange(99)}"
        unseen.append(" ".join(row))
    expected = {f"{i:03}" for i, (one, other) in enumerate(zip(seen, unseen, strict=True)) if naive_jaccard(one, other) >= similarity}
    report = find_leaks(tasks(a=seen), tasks(u=unseen), rules=["near"], similarity=similarity)
    assert {example for _, example in report.leaking} == expected
    assert 10 < len(expected) < 150


def test_banding_misses_hardly_any_pair_at_the_threshold() -> None:
    assert banding(0.8) == 4  # (1 - 0.8 ** 4) ** 32 = 0.5904 ** 32 = 5e-8, but (1 - 0.8 ** 8) ** 16 = 0.8322 ** 16 = 0.053
    for similarity in (0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0):
        in_band = banding(similarity)
        assert (1 - similarity**in_band) ** (NUM_HASHES // in_band) <= 1e-3 or in_band == 1


# --------------------------------------------------------------------------------------------------------------- words and hashes


def test_hashed_words_are_the_words_of_the_leak_check() -> None:
    texts = ["It's 7 o'clock, Zoë!", "its_7 o", "", "GPUで学ぶ", "ZOË o'CLOCK it\n7", "  ...", "ＧＰＵ"]
    hashed = hash_texts(texts)
    assert hashed.num_words.tolist() == [len(words(text)) for text in texts]
    names = dict(zip(hashed.words.tolist(), (word for text in texts for word in words(text)), strict=True))
    assert [names[one] for one in hashed.words.tolist()] == [word for text in texts for word in words(text)]
    assert len(names) == len({word for text in texts for word in words(text)})


@pytest.mark.parametrize("ngram", [2, 3, 5, 8, 13, 18])
def test_runs_have_one_hash_for_the_same_words_and_two_for_others(ngram: int) -> None:
    random = Random(ngram)
    texts = [" ".join(random.choices("ab", k=random.randrange(40))) for _ in range(60)]
    every = [tuple(found[i : i + ngram]) for found in map(words, texts) for i in range(len(found) - ngram + 1)]
    hashes, _ = runs(hash_texts(texts), ngram)
    assert len(hashes) == len(every)
    assert len(set(zip(hashes.tolist(), every, strict=True))) == len(set(hashes.tolist())) == len(set(every))


def test_hashes_are_the_same_in_every_process() -> None:
    # Computed once and kept here: Python's own hashes of text are others in every process.
    hashed = hash_texts(["The quick"])
    assert [f"{one:016x}" for one in hashed.words.tolist()] == ["2d7278e3acaa7924", "c9344e9caf881ec1"]


# ------------------------------------------------------------------------------------------------------------------- properties


def made(random: Random, number: int) -> list[str]:
    """Texts of two of twelve pieces each, with up to three words put in the place of others: like and unlike one another."""
    texts = list[str]()
    for _ in range(number):
        row = " ".join(filler(f"p{random.randrange(12)}w", random.randrange(4, 9)) for _ in range(2)).split()
        for _ in range(random.randrange(4)):
            row[random.randrange(len(row))] = f"z{random.randrange(99)}"
        texts.append(" ".join(row))
    return texts


def report_of(seen: TaskSet, unseen: TaskSet) -> LeakReport:
    return find_leaks(seen, unseen, rules=["exact", "6-gram", "3-gram-60", "near"], similarity=0.4)


def test_the_order_of_examples_changes_nothing() -> None:
    random = Random(6)
    sides = {name: task(name, made(random, 30)) for name in "abuv"}

    def report() -> LeakReport:
        mixed = {name: one.replace(random.sample(list(one.examples), 30)) for name, one in sides.items()}
        return report_of(TaskSet([mixed["a"], mixed["b"]]), TaskSet([mixed["u"], mixed["v"]]))

    once = report()
    assert list(once.by_kind) == ["exact input", "6-gram", "3-gram-60", "near-duplicate"]
    assert all(seen > 2 for seen, _ in list(once.by_kind.values())[1:])
    assert all(report() == once for _ in range(3))


def test_seen_and_unseen_are_symmetric() -> None:
    random = Random(7)
    one, other = tasks(a=made(random, 40)), tasks(u=made(random, 30))
    there, back = report_of(one, other), report_of(other, one)
    assert there.num_seen_leaking > 5
    assert (there.leaking, there.leaking_unseen) == (back.leaking_unseen, back.leaking)
    assert there.by_kind == {kind: (seen, unseen) for kind, (unseen, seen) in back.by_kind.items()}


def test_an_unrelated_task_changes_nothing() -> None:
    random = Random(8)
    seen, unseen = tasks(a=made(random, 30)), tasks(u=made(random, 30))
    before = report_of(seen, unseen)
    others = [task(name, [filler(f"{name}{i}", 12) for i in range(20)]) for name in ("n", "z")]
    after = report_of(TaskSet([*seen, others[0]]), TaskSet([*unseen, others[1]]))
    same = ("by_kind", "by_pair", "by_kind_and_pair", "leaking", "leaking_unseen", "leaks")
    assert {name: getattr(before, name) for name in same} == {name: getattr(after, name) for name in same}
    assert before.num_seen_leaking > 5


def test_dropping_leaves_no_leaks_by_the_same_rules() -> None:
    random = Random(9)
    seen, unseen = tasks(a=made(random, 60), b=made(random, 60)), tasks(u=made(random, 60))
    rule = Leaks(rules=("exact", "6-gram", "3-gram-60", "near"), similarity=0.4, action="drop")
    cleaned, report = settle(seen, unseen, rule)
    _, again = settle(cleaned, unseen, rule)
    assert report.num_seen_leaking > 5
    assert (again.num_seen_leaking, again.num_seen) == (0, report.num_seen - report.num_seen_leaking)


def test_rows_that_are_few_once_their_kind_was_dropped_may_leak_again() -> None:
    # The known exception: 12 of 20 rows have the frame, so it is constant; ten of them are dropped for their ends, and two are few.
    frame = "say in a word what this is"
    rows = [f"{frame} {filler(f'p{i}q', 6)}" for i in range(12)] + [filler(f"r{i}s", 9) for i in range(8)]
    unseen = tasks(u=[*(filler(f"p{i}q", 6) for i in range(10)), frame])
    cleaned, report = settle(tasks(a=rows), unseen, Leaks(ngram=6, rules=("ngram",), action="drop"))
    assert report.num_seen_leaking == 10
    assert find_leaks(cleaned, unseen, ngram=6, rules=["ngram"]).num_seen_leaking == 2


# ------------------------------------------------------------------------------------------------------------------- the recipe


def wrong(section: dict[str, object]) -> str:
    with pytest.raises(RecipeError) as caught:
        validate(Document(section, {}), Leaks)
    return str(caught.value)


@pytest.mark.parametrize(("theirs", "ours"), [("error", "stop"), ("remove", "drop"), ("allow", "report")])
def test_other_toolkits_words_are_translated_and_not_taken(theirs: str, ours: str) -> None:
    assert f"'{theirs}' is called {ours} here: tasks.leaks.action={ours}" in wrong({"action": theirs})


@pytest.mark.parametrize("rule", ["8gram", "8-gram-", "1-gram", "8-gram-0", "8-gram-101", "nearly"])
def test_a_rule_that_says_nothing_is_refused(rule: str) -> None:
    assert f"'{rule}'" in wrong({"rules": [rule]})
    with pytest.raises(DataError, match=rule):
        find_leaks(tasks(a=["x"]), tasks(u=["x"]), rules=[rule])


def test_no_rule_at_all_is_refused() -> None:
    assert "names no rule" in wrong({"rules": []})


def test_a_rule_given_twice_counts_once() -> None:
    report = find_leaks(tasks(a=[TWELVE]), tasks(u=[TWELVE]), ngram=8, rules=["ngram", "8-gram", "exact", "exact"])
    assert report.by_kind == {"exact input": (1, 1), "8-gram": (1, 1)}


def test_the_report_says_what_was_looked_for() -> None:
    assert find_leaks(tasks(a=["x y z"]), tasks(u=["p q r"]), rules=ALL).lines()[0] == (
        "no leaks: 1 seen and 1 unseen examples share no near-duplicates, no runs of 8 words over 50 % of either, "
        "no 13 words in a row and no whole input"
    )


def test_copies_leak_like_the_first_of_them_and_cost_no_more() -> None:
    # 3,000 x 3,000 copies would be nine million pairs of ten runs each; one is named, the first by id.
    rows = [f"{filler('r', 9)} {i % 2}" for i in range(3000)]
    others = [filler(f"x{i}y", 12) for i in range(3001)]
    report = find_leaks(tasks(a=rows + others), tasks(u=rows + [f"z {text}" for text in others]), rules=["8-gram-90", "near"])
    assert report.by_kind == {"8-gram-90": (6001, 6001), "near-duplicate": (6001, 6001)}
    assert (report.leaks[0].unseen_example, report.leaks[0].similarity) == ("000", 1.0)
