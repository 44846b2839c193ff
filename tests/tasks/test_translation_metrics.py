"""BLEU is sacrebleu's corpus score, of all rows and of every draw of them."""

import numpy as np
import pytest
import sacrebleu

from didact.base.errors import DataError
from didact.tasks.benchmarks.translation import SENTENCES, WMT
from didact.tasks.judged import Judged
from didact.tasks.set_metrics import SET_METRICS, metric_named
from didact.tasks.translation_metrics import bleu

WRITTEN = ["The cat sat on the mat today.", "It's raining, isn't it?", "a book", "", "He bought 3,000 apples for $5.20 - cheap!"]
EXPECTED = [
    "The cat is sitting on the mat today.",
    "It is raining, is it not?",
    "The book",
    "Nothing at all.",
    "He bought 3,000 apples for $5.20.",
]


def rows(written: list[str], *expected: list[str]) -> list[Judged]:
    return [
        Judged(said, tuple(right), example=str(number))
        for number, (said, *right) in enumerate(map(list, zip(written, *expected, strict=True)))
    ]


def test_it_is_sacrebleu_s_corpus_score() -> None:
    assert float(bleu(rows(WRITTEN, EXPECTED))) == pytest.approx(sacrebleu.corpus_bleu(WRITTEN, [EXPECTED]).score, abs=1e-9)


def test_of_several_references_each_may_be_met() -> None:
    others = ["The cat sat on a mat.", "It's raining, right?", "a book of mine", "Silence.", "Cheap!"]
    assert float(bleu(rows(WRITTEN, EXPECTED, others))) == pytest.approx(sacrebleu.corpus_bleu(WRITTEN, [EXPECTED, others]).score, abs=1e-9)


def test_chinese_is_cut_into_characters_and_japanese_is_not_taken_for_it() -> None:
    written, expected = ["我爱北京天安门", "今天下雨了"], ["我爱北京的天安门", "今天下大雨了"]
    assert float(bleu(rows(written, expected))) == pytest.approx(sacrebleu.corpus_bleu(written, [expected], tokenize="zh").score, abs=1e-9)
    written, expected = [*written, "OK"], [*expected, "OK！"]  # one sentence without a Chinese character changes nothing
    assert float(bleu(rows(written, expected))) == pytest.approx(sacrebleu.corpus_bleu(written, [expected], tokenize="zh").score, abs=1e-9)
    japanese = ["猫が寝ています"]
    assert float(bleu(rows(["猫が寝ている"], japanese))) == 0.0  # one word by spaces, and another one


def test_a_draw_of_rows_is_scored_as_if_it_were_the_task() -> None:
    weights = np.array([[1, 1, 1, 1, 1], [2, 0, 1, 0, 3], [0, 0, 0, 1, 0]], float)
    scores = bleu(rows(WRITTEN, EXPECTED)).over(weights)
    for times, score in zip(weights.astype(int).tolist(), scores.tolist(), strict=True):
        drawn = [number for number, count in enumerate(times) for _ in range(count)]
        whole = sacrebleu.corpus_bleu([WRITTEN[n] for n in drawn], [[EXPECTED[n] for n in drawn]]).score
        assert score == pytest.approx(whole, abs=1e-9)


def test_a_short_row_that_is_right_has_all_points() -> None:
    assert bleu(rows(["Oui."], ["Oui."])) == 100.0
    assert bleu(rows([""], ["Oui."])) == 0.0


def test_rows_without_references_are_refused() -> None:
    with pytest.raises(DataError, match="no reference to compare with"):
        bleu([Judged("a", (), example="7")])
    with pytest.raises(DataError, match="no rows"):
        bleu([])


def test_translation_is_judged_by_it() -> None:
    assert metric_named("bleu") is SET_METRICS["bleu"] is bleu
    assert all(task.metrics == ("bleu", "rouge_l") for task in WMT.values())
    assert bleu(rows(list(SENTENCES["tr"]), list(SENTENCES["tr"]))) == 100.0
