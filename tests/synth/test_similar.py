"""The pool that refuses similar texts: the decisions of comparing with everything, whatever is left out on the way."""

import random
from itertools import pairwise

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer

from didact.base.errors import DataError
from didact.synth import overlap, similar
from didact.synth.overlap import Limit, lcs_lengths, lcs_with_all
from didact.synth.signatures import Groups, Signs, bits_of, folded, group_of, num_words_of_bits
from didact.synth.similar import Similar, SimilarPool
from didact.tasks.metrics import english_words, lcs_length, rouge_l_f1
from didact.tasks.words import words


def texts_with_near_duplicates(num: int, longest: int = 14, seed: int = 0) -> list[str]:
    """Half of them are earlier ones with a few words put in, left out or changed, and some are copies."""
    chance = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(60)]
    found = [" ".join(chance.choices(vocabulary, k=chance.randint(1, longest))) for _ in range(num // 2)]
    while len(found) < num:
        some = chance.choice(found).split()
        for _ in range(chance.randint(0, 4)):
            place = chance.randrange(len(some))
            some[place : place + chance.randint(0, 1)] = chance.choices(vocabulary, k=chance.randint(0, 1))
            some = some or ["w1"]
        found.append(" ".join(some))
    chance.shuffle(found)
    return found


def one_by_one(texts: list[str], score) -> list[bool]:
    kept: list[str] = []
    decisions = []
    for text in texts:
        decisions.append(all(score(text, other) <= 0.7 for other in kept))
        kept += [text] if decisions[-1] else []
    return decisions


@pytest.fixture(scope="module")
def rouge_score():
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    return lambda text, other: scorer.score(text, other)["rougeL"].fmeasure


@pytest.mark.parametrize("longest", [8, 60])
def test_strict_decisions_are_those_of_rouge_score_one_by_one(rouge_score, longest, monkeypatch):
    monkeypatch.setattr(similar, "_BLOCK", 37)  # Several blocks, so that texts meet the pool and one another.
    texts = texts_with_near_duplicates(2000 // longest + 40, longest)
    decisions = SimilarPool(strict=True).accept_all(texts)
    assert decisions == one_by_one(texts, rouge_score)
    assert 20 < sum(decisions) < len(texts) - 20


def test_strict_decisions_on_real_instructions_are_those_of_rouge_score(shared, rouge_score):
    import json

    rows = json.loads((shared / "alpaca" / "alpaca_data_random_9k.json").read_text(encoding="utf-8"))
    texts = [row["instruction"] for row in rows[:150]]
    texts += [" ".join(text.split()[1:]) for text in texts[::5]]
    assert SimilarPool(strict=True).accept_all(texts) == one_by_one(texts, rouge_score)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_default_decisions_are_those_of_whole_numbers_at_any_threshold(threshold, monkeypatch):
    monkeypatch.setattr(similar, "_BLOCK", 50)
    texts, kept, expected = texts_with_near_duplicates(200, 10, seed=3), [], []
    for text in texts:
        cut = text.split()
        # 2 L / (m + n) > t in tenths.
        expected.append(all(20 * lcs_length(cut, other) <= round(10 * threshold) * (len(cut) + len(other)) for other in kept))
        kept += [cut] if expected[-1] else []
    assert SimilarPool(threshold).accept_all(texts) == expected


def test_an_exact_tie_is_kept_and_strict_does_what_floating_point_makes_of_it():
    # 7 of 7 and 13 words: 14/20 is 0.7, and 0.7000000000000001 as rouge_score has it.
    short, long = "a b c d e f g", "a b c d e f g h i j k l m"
    assert SimilarPool().accept_all([short, long]) == [True, True]
    assert SimilarPool(strict=True).accept_all([short, long]) == [True, False]
    # 14 of 20 and 20 words: 28/40 is 0.7, and floating point says 0.7 as well.
    first = " ".join(f"w{n}" for n in range(20))
    second = " ".join(f"w{n}" if n < 14 else f"v{n}" for n in range(20))
    assert SimilarPool(strict=True).accept_all([first, second]) == [True, True]


def test_432_of_931_exact_ties_are_above_the_threshold_in_floating_point():
    m, n = np.meshgrid(np.arange(1, 200), np.arange(1, 200))
    tie = (7 * (m + n) % 20 == 0) & (7 * (m + n) // 20 <= np.minimum(m, n))
    m, n = m[tie], n[tie]
    above = Limit(0.7, strict=True).least(m, n) == 7 * (m + n) // 20
    assert (Limit(0.7).least(m, n) == 7 * (m + n) // 20 + 1).all()
    assert (above.sum(), len(m)) == (432, 931)
    expected = [2 * (c / a) * (c / b) / (c / a + c / b) > 0.7 for a, b, c in zip(m, n, 7 * (m + n) // 20, strict=True)]
    assert above.tolist() == expected


def test_one_at_a_time_decides_as_all_at_once():
    texts = texts_with_near_duplicates(150, seed=1)
    at_once, pool = SimilarPool(), SimilarPool()
    singly = []
    for text in texts:
        singly.append(pool.accepts(text))
        if singly[-1]:
            pool.add(text)
    assert at_once.accept_all(texts) == singly
    assert len(at_once) == len(pool) == sum(singly)
    # Any cut into calls decides the same.
    parts = SimilarPool()
    assert [one for begin, end in pairwise([0, 1, 50, 51, 150]) for one in parts.accept_all(texts[begin:end])] == singly


def test_threads_decide_the_same(monkeypatch):
    monkeypatch.setattr(similar, "_MUCH", 0)
    monkeypatch.setattr(similar, "_BLOCK", 64)
    texts = texts_with_near_duplicates(300, seed=2)
    assert SimilarPool(workers=2).refusals(texts) == SimilarPool().refusals(texts)


def test_without_rapidfuzz_the_decisions_are_the_same(monkeypatch):
    texts = texts_with_near_duplicates(200, seed=4)
    quick = SimilarPool()
    expected, nearest = quick.refusals(texts), quick.most_similar(texts[7])
    monkeypatch.setattr(overlap, "_quick", lambda: None)
    plain = SimilarPool()
    assert plain.refusals(texts) == expected
    assert plain.most_similar(texts[7]) == nearest


def test_words_beyond_the_signs_change_no_decision():
    texts = texts_with_near_duplicates(200, seed=5)
    few = SimilarPool(num_signs=7)
    pool = SimilarPool()
    assert few.refusals(texts) == pool.refusals(texts)
    assert few.most_similar(texts[3], 5) == pool.most_similar(texts[3], 5)


def test_a_refusal_names_what_it_is_too_similar_to_and_how_much():
    pool = SimilarPool()
    texts = ["one two three four five", "six seven eight nine ten", "one two three four", "one two three four", "nothing of these"]
    # 4 of 5 and 4 words: 8/9, by rouge_score's operations. A copy is refused by what refused the text.
    assert pool.refusals(texts) == [None, None, Similar(0, 0.888888888888889), Similar(0, 0.888888888888889), None]
    assert pool[2] == "nothing of these"


def test_a_text_is_compared_only_with_what_was_kept():
    # The second is like the first and dropped; the third is like the second alone, and kept.
    texts = ["a b c d e f", "a b c d g h", "c d g h i j"]
    assert SimilarPool(0.6).accept_all(texts) == [True, False, True]


def test_texts_without_words_are_like_nothing():
    assert SimilarPool().accept_all(["", "!?", "...", "", "a"]) == [True] * 5
    assert SimilarPool(strict=True).accept_all(["学习", "学习"]) == [True, True]  # rouge_score sees no word there.
    assert SimilarPool().accept_all(["学习", "学习"]) == [True, False]


def test_the_most_similar_are_those_of_measuring_all():
    texts = texts_with_near_duplicates(120, seed=6)
    pool = SimilarPool()
    pool.extend(texts)
    scores = [rouge_l_f1(texts[0], text, tokenizer=words) for text in texts]
    order = sorted(range(len(texts)), key=lambda number: (-scores[number], number))
    assert pool.most_similar(texts[0], 10) == [(texts[number], pytest.approx(scores[number], abs=1e-15)) for number in order[:10]]
    assert SimilarPool().most_similar("a") == []


def test_seeds_in_the_pool_may_be_like_one_another_and_refuse_others():
    pool = SimilarPool()
    pool.extend(["name a fish of the sea", "name a fish of the lake"])
    assert (len(pool), pool.accepts("name a fish of the river")) == (2, False)


def test_bits_never_rule_out_a_pair_that_is_too_similar():
    signs, texts = Signs(), texts_with_near_duplicates(150, 90, seed=7)
    written = [signs.written(text.split()) for text in texts]
    groups, limit = Groups(), Limit(0.7)
    groups.extend(written, 0)
    found = groups.pairs(groups, limit)
    common = lcs_lengths([written[row] for row in found[0]], [written[row] for row in found[1]])
    sizes = np.array([len(one) for one in written])
    assert ((common - limit.least(sizes[found[0]], sizes[found[1]])) <= found[2]).all()
    every = {(i, j) for i in range(150) for j in range(150) if lcs_length(written[i], written[j]) >= limit.least(sizes[i], sizes[j])}
    assert every <= set(zip(found[0].tolist(), found[1].tolist(), strict=True))
    assert len(every) < found.shape[1] < 150 * 150 * 0.6


def test_folded_bits_are_those_of_the_smaller_size():
    signs = Signs()
    written = [signs.written(text.split()) for text in texts_with_near_duplicates(40, 30)]
    assert (folded(bits_of(written, 8), 2) == bits_of(written, 2)).all()
    assert folded(bits_of(written, 2), 2).shape == (2, 40)


def test_longer_texts_have_more_bits_and_groups_never_fall_with_length():
    assert [num_words_of_bits(length) for length in (1, 20, 21, 40, 80, 81, 1000)] == [1, 1, 2, 2, 4, 8, 8]
    assert (np.diff(group_of(np.arange(1, 3000))) >= 0).all()


def test_the_limit_is_never_below_its_bound_and_the_bound_never_falls():
    for limit in (Limit(0.7), Limit(0.7, strict=True), Limit(0.35)):
        m, n = np.meshgrid(np.arange(1, 120), np.arange(1, 120))
        bound = np.array([[limit.at_least(int(a), int(b)) for a, b in zip(*row, strict=True)] for row in zip(m, n, strict=True)])
        assert (limit.least(m, n) >= bound).all()
        assert (np.diff(bound, axis=0) >= 0).all()
        assert (np.diff(bound, axis=0) <= 1).all()  # So m - bound never falls either.


def test_lcs_of_one_with_all_is_that_of_pairs():
    signs = Signs()
    written = [signs.written(text.split()) for text in texts_with_near_duplicates(50)]
    assert lcs_with_all(written[0], written).tolist() == lcs_lengths([written[0]] * 50, written).tolist()
    assert lcs_with_all(written[0], []).tolist() == []
    assert lcs_lengths(written[:9], written[9:18]).tolist() == [lcs_length(a, b) for a, b in zip(written[:9], written[9:18], strict=True)]


def test_english_words_are_found_as_rouge_score_cuts_them():
    for text in ("It's 3.5 o'clock — naïve İstanbul", "", "__a__B", "ſ K"):
        assert similar.strict_words(text) == english_words(text)


def test_a_similarity_that_does_not_exist_is_refused():
    with pytest.raises(DataError, match=r"1\.2 does not exist"):
        SimilarPool(1.2)
