"""Metrics agree with the packages that users trust, and with hand counts."""

import csv
import io
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from didact.base.errors import DataError, RecipeError
from didact.tasks.metrics import METRICS, english_words, lcs_length, loses_letters, rouge_l, rouge_l_f1, rouge_l_stem, rouge_l_unicode

VOCABULARY = [
    "Running",
    "runs",
    "RAN",
    "the",
    "The",
    "flies",
    "dying",
    "sky",
    "news",
    "10",
    "3rd",
    "a",
    "café",
    "x-ray",
    "don't",
    "II",
    "_",
    "?!",
    "über",
]
JOINS = [" ", " ", " ", ", ", "-", ".\n", "  ", "\t"]


def random_text(random: Random) -> str:
    return "".join(random.choice(VOCABULARY) + random.choice(JOINS) for _ in range(random.choice([0, 1, 4, 8, 12, 20])))


@pytest.mark.parametrize("stem", [False, True])
def test_rouge_l_is_rouge_score_to_the_last_digit_on_random_pairs(stem: bool) -> None:
    random, scorer = Random(0), RougeScorer(["rougeL"], use_stemmer=stem)
    num_partial = 0
    for _ in range(10_000):
        prediction, reference = random_text(random), random_text(random)
        ours = rouge_l_f1(prediction, reference, stem=stem)
        assert ours == scorer.score(reference, prediction)["rougeL"].fmeasure, (prediction, reference)
        num_partial += 0 < ours < 1
    assert num_partial > 5_000  # the pairs are not all trivial


@pytest.mark.parametrize("stem", [False, True])
def test_rouge_l_is_rouge_score_to_the_last_digit_on_real_completions(shared: Path, stem: bool) -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=stem)
    files = sorted((shared / "gisting_alpaca_plus").rglob("*.csv"))
    rows = [row for file in files for row in csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))]
    pairs = [(row["y_pred"], row["y_true"]) for row in rows]
    assert len(pairs) == 2_252  # 1,000 seen, 1,000 unseen and 252 human
    for prediction, reference in pairs:
        assert rouge_l_f1(prediction, reference, stem=stem) == scorer.score(reference, prediction)["rougeL"].fmeasure


def test_several_references_agree_with_score_multi() -> None:
    random, scorer = Random(1), RougeScorer(["rougeL"], use_stemmer=True)
    for _ in range(300):
        references = [random_text(random) for _ in range(3)]
        completion = random_text(random)
        assert rouge_l_stem(completion, references) == 100 * scorer.score_multi(references, completion)["rougeL"].fmeasure


def longest_by_trying(first: Sequence[str], second: Sequence[str]) -> int:
    def inside(part: Sequence[str]) -> bool:
        rest = iter(second)
        return all(word in rest for word in part)

    return max(n for n in range(len(first) + 1) if any(inside(part) for part in combinations(first, n)))


def test_the_longest_common_subsequence_is_the_longest_of_all_subsequences() -> None:
    random = Random(2)
    for _ in range(500):
        first, second = (random.choices("abc", k=random.randrange(8)) for _ in range(2))
        assert lcs_length(first, second) == longest_by_trying(first, second) == lcs_length(second, first)


def test_the_longest_common_subsequence_is_exact_beyond_a_machine_word() -> None:
    # 200 words, every second one replaced: 100 are left, and they are in order.
    first = [f"w{i}" for i in range(200)]
    second = [word if i % 2 else "x" for i, word in enumerate(first)]
    assert lcs_length(first, second) == 100
    assert lcs_length(first, first) == 200
    assert lcs_length(first, first[::-1]) == 1


def test_lin_2004_worked_example() -> None:
    # "police killed the gunman" against "police kill the gunman" shares 3 of 4 words in order; against "the gunman kill police" 2 of 4.
    assert rouge_l_f1("police kill the gunman", "police killed the gunman") == 0.75
    assert rouge_l_f1("the gunman kill police", "police killed the gunman") == 0.5
    assert rouge_l_f1("police kill the gunman", "police killed the gunman", stem=True) == 1.0


def test_words_of_up_to_three_letters_are_not_stemmed() -> None:
    # Porter drops a final s, and sses becomes ss: of these only `runs` and `passes` are long enough.
    assert english_words("was his runs passes", stem=True) == ["was", "his", "run", "pass"]


@pytest.mark.parametrize(
    ("reference", "loses"),
    [
        ("plain – “quoted” … 5 €", False),
        ("café", True),
        ("cafe\u0301", True),
        ("ﬁne", True),
        ("ＡＢＣ", True),
        ("答", True),
        ("٣", True),
        ("x²", False),
    ],
)
def test_a_reference_loses_letters_where_one_is_not_ascii(reference: str, loses: bool) -> None:
    assert loses_letters(reference) is loses


def test_the_references_choose_the_words_and_the_completion_does_not() -> None:
    assert rouge_l("running café", ["runs"]) == rouge_l_stem("running café", ["runs"]) > 0
    assert rouge_l("runs", ["running café"]) == rouge_l_unicode("runs", ["running café"]) == 0
    # All references together: one of them in Chinese takes the stemmer from the others.
    assert rouge_l("runs", ["running", "跑"]) == 0
    # English words alone would see nothing in a right Chinese answer.
    assert (rouge_l_stem("我爱猫", ["我爱猫"]), rouge_l("我爱猫", ["我爱猫"])) == (0, 100)


def test_unicode_rouge_counts_letters_of_spaceless_scripts() -> None:
    # 我爱猫 against 我不爱猫: 3 in order of 3 and of 4: precision 1, recall 3/4, F1 6/7.
    assert rouge_l_unicode("我爱猫", ["我不爱猫"]) == pytest.approx(100 * 6 / 7)
    assert rouge_l_unicode("Привет, МИР!", ["привет мир"]) == 100


@pytest.mark.parametrize(
    ("completion", "reference", "score"),
    [
        ("Yes.", "yes", 100),
        (" a  b\n", "A B", 100),
        ("the cat", "cat", 0),
        ("well-known", "wellknown", 100),
        ("", "?", 0),
        ("3.5", "35", 100),
    ],
)
def test_exact_match_ignores_case_punctuation_and_space_but_not_articles(completion: str, reference: str, score: float) -> None:
    assert METRICS["exact_match"](completion, [reference]) == score


def test_accuracy_is_strict_but_for_the_ends() -> None:
    accuracy = METRICS["accuracy"]
    assert [accuracy(text, ["B", "b)"]) for text in ("B", "\nB ", "b)", "b", "B.")] == [100, 100, 100, 0, 0]


@pytest.mark.parametrize(
    ("completion", "reference", "score"),
    [
        ("the cat sat", "a cat sat", 100),  # articles go
        ("cat cat dog", "cat", 50),  # one cat counts once: precision 1/3, recall 1, F1 1/2
        ("sat cat", "cat sat", 100),  # order says nothing
        ("", "", 100),
        ("", "cat", 0),
        ("dog", "cat", 0),
        ("theatre", "atre", 0),  # an article inside a word stays
    ],
)
def test_token_f1_counts_words_in_common(completion: str, reference: str, score: float) -> None:
    assert METRICS["token_f1"](completion, [reference]) == pytest.approx(score)


@pytest.mark.parametrize(
    ("completion", "score"),
    [("So the answer is (A)", 100), ("So the answer is (A). Shall I explain?", 100), ("(A)", 100), ("It may be (A) or (B)", 0)],
)
def test_answer_match_compares_what_stands_behind_the_announcement(completion: str, score: float) -> None:
    assert METRICS["answer_match"](completion, ["It rained, so it is wet. So the answer is (A)."]) == score


@pytest.mark.parametrize(
    ("completion", "score"),
    [("6 · 3 = 18", 100), ("$18.00", 100), ("It is 1,8", 0), ("-18", 0), ("18, then 3 more: 21", 0), ("eighteen", 0)],
)
def test_number_match_compares_numbers_and_not_how_they_are_written(completion: str, score: float) -> None:
    assert METRICS["number_match"](completion, ["9 + 9 = 18\n#### 18"]) == score


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_has_one_shape(name: str) -> None:
    metric = METRICS[name]
    assert metric("A right answer 7", ["A right answer 7"]) == 100
    assert metric("entirely different", ["A right answer 7"]) == 0
    # The best of the references, whatever their order.
    assert metric("right", ["wrong", "right"]) == metric("right", ["right", "wrong"]) == 100
    with pytest.raises(DataError, match="no reference"):
        metric("right", [])
    with pytest.raises(DataError, match="list of references"):
        metric("right", "right")


def test_a_metric_is_found_by_name_with_a_hint() -> None:
    overlap = ["accuracy", "exact_match", "rouge_l", "rouge_l_stem", "rouge_l_unicode", "token_f1"]
    assert sorted(METRICS) == sorted([*overlap, "answer_match", "number_match", "referent_match"])
    with pytest.raises(RecipeError, match="did you mean 'rouge_l'"):
        METRICS["rougel"]


def test_metrics_import_no_stemmer_before_one_is_asked_for() -> None:
    code = "import sys, didact.tasks.metrics as m; m.rouge_l_f1('a', 'a'); assert 'nltk' not in sys.modules; m.rouge_l('dogs', ['dog'])"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'nltk' in sys.modules"], check=True)


def test_brackets_are_not_matched_by_an_empty_completion() -> None:
    # Seen: a model of four steps wrote line breaks alone, and had 20 of 20 rows of bbh/dyck_languages right.
    assert [METRICS["exact_match"](said, ["] ] >"]) for said in ("", "\n\n", "] >", " ] ]  >\n")] == [0.0, 0.0, 0.0, 100.0]
