"""Metrics: pure functions of a completion and its references, in points (0 to 100), the best over the references.

rouge_l           what a recipe says: stemmed English ROUGE-L, or the Unicode one where English words would lose letters
rouge_l_stem      always the former: equal to the package rouge_score with its stemmer
rouge_l_unicode   always the latter: any script, no stemmer
exact_match       equal but for case, punctuation and white space
accuracy          equal but for white space around it
token_f1          words in common, in any order (SQuAD)
answer_match      what stands behind "the answer is", compared as exact_match does
number_match      the number that is answered with
referent_match    the same referent of a pronoun (WSC)
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from didact.base.errors import DataError
from didact.base.registry import Registry
from didact.tasks.answers import answer_sentence, answer_text, number_of
from didact.tasks.words import words

Metric = Callable[[str, Sequence[str]], float]
"""`metric(completion, references)`: points from 0 to 100."""

Tokenizer = Callable[[str], list[str]]

_NOT_ENGLISH = re.compile(r"[^a-z0-9]+")
_ARTICLE = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    # Importing any part of nltk imports all of it (about a second), so it waits for the first word that is stemmed.
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@lru_cache(maxsize=1 << 16)
def _stem(word: str) -> str:
    return str(_stemmer().stem(word))


def english_words(text: str, stem: bool = False) -> list[str]:
    """Returns the words as the package rouge_score cuts them: runs of a-z and 0-9; longer than three letters they are stemmed.

    Source: google-research, rouge_score 0.1.2, `tokenize.py`; Porter (1980) as nltk has it.

    >>> english_words("The runners' 10 shoes were running.", stem=True)
    ['the', 'runner', '10', 'shoe', 'were', 'run']
    """
    found = _NOT_ENGLISH.sub(" ", text.lower()).split()
    return [_stem(word) if len(word) > 3 else word for word in found] if stem else found


def lcs_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Returns the length of the longest common subsequence, exact.

    A whole row of the usual table is one integer: bit i is 0 where the row grows by one at word i of `first`.

    Source: Hyyrö (2004), Bit-parallel LCS-length computation revisited.

    >>> lcs_length("police killed the gunman".split(), "police kill the gunman".split())
    3
    """
    places: dict[str, int] = {}
    for index, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & full
    return len(first) - row.bit_count()


def rouge_l_f1(prediction: str, reference: str, *, stem: bool = False, tokenizer: Tokenizer | None = None) -> float:
    """Returns ROUGE-L F1 of one pair as a share (0 to 1), equal to the last digit to rouge_score's `fmeasure`.

    Args:
        prediction: What a model wrote.
        reference: What was expected.
        stem: Compare stems of English words.
        tokenizer: Cuts a text into words, instead of `english_words`; `stem` then says nothing.

    Source: Lin (2004), ROUGE: a package for automatic evaluation of summaries, section 3.

    The longest common subsequence of "a b c d" and "a c" is 2, so precision is 1, recall 1/2, F1 2/3:

    >>> round(rouge_l_f1("a c", "a b c d"), 4)
    0.6667
    """
    cut: Tokenizer = tokenizer or (lambda text: english_words(text, stem))
    expected, written = cut(reference), cut(prediction)
    if not expected or not written:
        return 0.0
    length = lcs_length(expected, written)
    # The order of operations is rouge_score's, so that the last digit is the same.
    precision, recall = length / len(written), length / len(expected)
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def loses_letters(text: str) -> bool:
    """Says whether cutting a text into English words would lose a letter or a digit, before or after NFKC.

    >>> loses_letters("It’s 5 € …"), loses_letters("naïve"), loses_letters("四十二"), loses_letters("٤٢")
    (False, True, True, True)
    """
    if text.isascii():
        return False
    # NFKC shows the accent of a letter written as two characters; the text as written shows wide letters and ligatures.
    both = text + unicodedata.normalize("NFKC", text)
    return any(not char.isascii() and (char.isalpha() or char.isdecimal()) for char in both)


def _best(score: Callable[[str], float], references: Sequence[str]) -> float:
    if isinstance(references, str) or not references:
        what = "one text was given where a list of references belongs" if references else "no reference to compare with"
        raise DataError(what, expected="at least one accepted answer", remedy="leave the example out, or give it a target")
    return max(score(reference) for reference in references)


def rouge_l(completion: str, references: Sequence[str]) -> float:
    """Returns ROUGE-L: stemmed English as Super-NaturalInstructions has it, or Unicode where that would lose letters.

    The references decide, all of them together, and never the completion: so the choice does not depend on the model. They
    are English here when no letter or digit in them is outside a-z, A-Z and 0-9 (see `loses_letters`).

    >>> rouge_l("the dogs ran", ["The dog ran."]), rouge_l("我爱猫", ["我爱狗"]) == rouge_l_unicode("我爱猫", ["我爱狗"])
    (100.0, True)
    """
    unicode = not isinstance(references, str) and any(loses_letters(reference) for reference in references)
    return (rouge_l_unicode if unicode else rouge_l_stem)(completion, references)


def rouge_l_stem(completion: str, references: Sequence[str]) -> float:
    """Returns ROUGE-L over stemmed English words: rouge_score with its stemmer; other letters than a-z are lost.

    >>> round(rouge_l_stem("dogs", ["cats", "a dog"]), 2)
    66.67
    """
    return _best(lambda reference: 100 * rouge_l_f1(completion, reference, stem=True), references)


def rouge_l_unicode(completion: str, references: Sequence[str]) -> float:
    """Returns ROUGE-L over the words of any script (see `words.words`), without a stemmer.

    >>> round(rouge_l_unicode("我爱猫", ["我爱狗"]), 2)
    66.67
    """
    return _best(lambda reference: 100 * rouge_l_f1(completion, reference, tokenizer=words), references)


def _without_punctuation(text: str) -> str:
    return " ".join(text.lower().translate(_NO_PUNCTUATION).split())


def exact_match(completion: str, references: Sequence[str]) -> float:
    """Returns 100 where both are equal but for case, ASCII punctuation and white space; articles count.

    A reference of punctuation alone (BBH's brackets, `] ]`) is compared as it stands: without it, an empty completion would be right.

    Source: Wang et al. (2022), Super-NaturalInstructions, arXiv 2204.07705, evaluation code, but for such references.

    >>> exact_match("Yes, it is.", ["yes it  is"]), exact_match("the cat", ["cat"])
    (100.0, 0.0)
    >>> exact_match("", ["] ]"]), exact_match("] ]", ["] ]"])
    (0.0, 100.0)
    """
    written, as_it_stands = _without_punctuation(completion), " ".join(completion.split())

    def equal(reference: str) -> float:
        bare = _without_punctuation(reference)
        return 100.0 * (written == bare if bare else as_it_stands == " ".join(reference.split()))

    return _best(equal, references)


def accuracy(completion: str, references: Sequence[str]) -> float:
    """Returns 100 where both are equal but for white space around them.

    >>> accuracy(" B ", ["A", "B"]), accuracy("b", ["B"])
    (100.0, 0.0)
    """
    return _best(lambda reference: 100.0 * (completion.strip() == reference.strip()), references)


def squad_words(text: str) -> list[str]:
    """Returns the words that SQuAD compares: lower case, without ASCII punctuation and the articles a, an, the.

    >>> squad_words("The U.S. and a dog")
    ['us', 'and', 'dog']
    """
    return _ARTICLE.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def _bag_f1(written: list[str], expected: list[str]) -> float:
    if not written or not expected:
        return 100.0 * (written == expected)
    num_same = (Counter(written) & Counter(expected)).total()
    if num_same == 0:
        return 0.0
    precision, recall = num_same / len(written), num_same / len(expected)
    return 100 * (2 * precision * recall / (precision + recall))


def token_f1(completion: str, references: Sequence[str]) -> float:
    """Returns the F1 of words in common, in any order and counted as often as they occur.

    Unlike `exact_match`, which keeps articles, it removes `a`, `an` and `the`, as SQuAD does. Two texts that have no word left
    are equal and score 100.

    Source: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250, evaluation script.

    One of two words is the same on both sides, so precision, recall and F1 are 1/2:

    >>> token_f1("the red cat", ["a red dog"]), token_f1("The", ["a"])
    (50.0, 100.0)
    """
    written = squad_words(completion)
    return _best(lambda reference: _bag_f1(written, squad_words(reference)), references)


def squad_match(completion: str, references: Sequence[str]) -> float:
    """Returns 100 where both have the same words for SQuAD; see `squad_words`.

    >>> squad_match("The cat!", ["dog", "a cat"])
    100.0
    """
    written = squad_words(completion)
    return _best(lambda reference: 100.0 * (written == squad_words(reference)), references)


def number_match(completion: str, references: Sequence[str]) -> float:
    """Returns 100 where the number that a completion answers with is the reference's; see `didact.tasks.answers.number_of`.

    A reference without a number is compared as `exact_match` does.

    >>> number_match("5 + 13 = 18. The answer is 18.0.", ["#### 18"]), number_match("-18", ["18"])
    (100.0, 0.0)
    """

    def score(reference: str) -> float:
        expected = number_of(reference)
        return exact_match(completion, [reference]) if expected is None else 100.0 * (number_of(completion) == expected)

    return _best(score, references)


def answer_match(completion: str, references: Sequence[str]) -> float:
    """Returns 100 where what stands behind "the answer is" is equal but for case, punctuation and white space.

    So chain of thought is judged by its end; a text that does not say "the answer is" is all answer.

    >>> answer_match("It rains. So the answer is (A).", ["(A)"]), answer_match("It rains: (A)", ["(A)"])
    (100.0, 0.0)
    """
    written = {_without_punctuation(answer_text(completion)), _without_punctuation(answer_sentence(completion))}
    return _best(lambda reference: 100.0 * (_without_punctuation(answer_text(reference)) in written), references)


METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "rouge_l": rouge_l,
        "rouge_l_stem": rouge_l_stem,
        "rouge_l_unicode": rouge_l_unicode,
        "exact_match": exact_match,
        "accuracy": accuracy,
        "token_f1": token_f1,
        "answer_match": answer_match,
        "number_match": number_match,
        "referent_match": "didact.tasks.referents:referent_match",
    },
)
"""Every metric of a single row; those of a whole task are in `didact.tasks.set_metrics`."""
