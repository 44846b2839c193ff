"""Rank classification: of a row's choices the one that the model finds likeliest behind the prompt; nothing is written or read off.

A choice is tokenised as training tokenises a response in this chat format, without the token that ends the turn, so the border
between prompt and choice is where training put it. What makes a choice the likeliest is a matter of taste, so every row says what each
way takes, all from one reading of the prompt:

    sum        Σ log p of its tokens, in nats
    per_token  the same by the number of its tokens
    per_byte   the same by the UTF-8 bytes of its text
    pmi        the sum, minus the sum behind a prompt without a question: the chat format's own, with an empty turn of the user
    letter     Σ log p up to the token in which the names of the items differ, where the choices are names: A, (B), 3., iv)

Source: Brown et al. 2020, arXiv 2005.14165, section 2.4, for per_token and for dividing by what a choice is without a question;
Sanh et al. 2021, arXiv 2110.08207, section 6.3, for sum; Holtzman et al. 2021, arXiv 2104.08315, for pmi.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from didact.base.errors import DataError
from didact.base.roles import RESPONSE
from didact.base.types import Conversation, Message, Origin, Prediction
from didact.data.tokens import Tokeniser
from didact.evals.unseen import Question
from didact.models.likelihoods import Likelihood, likelihoods
from didact.models.local import LocalModel

NORMS = ("sum", "per_token", "per_byte", "pmi", "letter")
"""Ways to say which choice is the likeliest."""
TIE = 1e-5
"""Values that lie no farther apart are equal: the rounding of float32 sums is about as large."""
Tokens = Mapping[str, np.ndarray]
"""Choice to its tokens behind the prompt, int32 (T,)."""
_NO_LIMIT = 2**30
_NAME = re.compile(r"[\W_]*(?:[A-Za-z]|\d{1,2}|[ivxl]{1,7}|[IVXL]{1,7})[\W_]*")
"""The name of an item: a letter, a number or a Roman numeral, with whatever stands around it."""


def ranked(
    model: LocalModel,
    asked: Sequence[Question],
    *,
    norm: str = "sum",
    batch_tokens: int = 16_384,
    done: Callable[[int], None] = lambda _: None,
) -> list[Prediction]:
    """Returns the rows with the choice that one norm takes as completion, and the places that each norm takes, in the order of the rows.

    Of choices that are equally likely the first is taken; `rank_tie` among the scores is then 100. `rank_accuracy` is 100 where the
    norm's choice is right, `rank_accuracy_sum` and so on where that of each norm is. A row without names of items has no `letter`.

    Args:
        model: Says how likely they are.
        asked: Rows with choices.
        norm: One of `NORMS`; for a row that does not have it, `sum`.
        batch_tokens: Most tokens of a batch, padding included.
        done: Called with the number of rows that a batch has finished.

    Raises:
        DataError: A row has no choices, one of them is empty, or there is no such norm.
    """
    _check(asked, norm)
    wanted, without = asked_about(model.tokeniser, asked), dict[str, dict[str, float]]()
    for ending, tokens in _tokens(model.tokeniser, asked).items():
        alone = prompt_alone(model.tokeniser, ending)
        (values,) = likelihoods(model, [alone], [[*tokens.values()]], batch_tokens=batch_tokens)
        without[ending] = {text: value.logprob for text, value in zip(tokens, values, strict=True)}
    found = likelihoods(model, [question.prompt for question in asked], wanted, batch_tokens=batch_tokens, done=done)
    return [answered(question, values, without[question.ending], norm) for question, values in zip(asked, found, strict=True)]


def asked_about(tokeniser: Tokeniser, asked: Sequence[Question]) -> list[list[np.ndarray]]:
    """Returns what each row's model is asked about, int32 (T,): the choices, then the beginnings of names of items.

    Raises:
        DataError: A choice has no tokens.
    """
    tokens, wanted = _tokens(tokeniser, asked), list[list[np.ndarray]]()
    for question in asked:
        choices = [tokens[question.ending][choice] for choice in question.unanswered.choices]
        wanted.append([*choices, *(_up_to_difference(choices) if has_names(question.unanswered) else [])])
    return wanted


def _tokens(tokeniser: Tokeniser, asked: Sequence[Question]) -> dict[str, Tokens]:
    """Returns the tokens of all choices, by the white space at the end of what is asked."""
    texts: dict[str, list[str]] = {ending: [] for ending in sorted({question.ending for question in asked})}
    for question in asked:
        texts[question.ending] += question.unanswered.choices
    return {ending: continuations(tokeniser, list(dict.fromkeys(several)), ending) for ending, several in texts.items()}


def answered(question: Question, values: Sequence[Likelihood], without: Mapping[str, float], norm: str) -> Prediction:
    """Returns one row from how likely its choices are.

    Args:
        question: The row.
        values: Of each choice; then, where the choices are names of items, of each name up to the token in which they differ.
        without: Each choice's log-probability behind a prompt without a question, in nats.
        norm: Which norm's choice is the completion.

    >>> row = Prediction("t", "1", "my/x", "", "", ("no, never",), "stop", 0, choices=("yes", "no, never"))
    >>> likely = [Likelihood(-2.0, 1, False), Likelihood(-3.0, 3, False)]  # by token: -2 and -1; by byte: -2/3 and -1/3
    >>> found = answered(Question(row, np.array([1]), 0), likely, {"yes": -1.0, "no, never": -2.5}, "per_token")
    >>> dict(found.ranked), found.completion  # pmi: -2 + 1 = -1 and -3 + 2.5 = -0.5
    ({'sum': 0, 'per_token': 1, 'per_byte': 1, 'pmi': 1}, 'no, never')
    """
    row = question.unanswered
    of_choices, of_names = values[: len(row.choices)], values[len(row.choices) :]
    sums = [value.logprob for value in of_choices]
    by_norm = {
        "sum": sums,
        "per_token": [value.logprob / value.num_tokens for value in of_choices],
        "per_byte": [value / len(choice.encode()) for value, choice in zip(sums, row.choices, strict=True)],
        "pmi": [value - without[choice] for value, choice in zip(sums, row.choices, strict=True)],
        **({"letter": [value.logprob for value in of_names]} if of_names else {}),
    }
    places = {name: likeliest(several) for name, several in by_norm.items()}
    norm = norm if norm in places else "sum"
    right = {name: 100.0 * (row.choices[place] in row.references) for name, (place, _) in places.items()}
    place, num_alike = places[norm]
    scores = {"rank_accuracy": right[norm], **{f"rank_accuracy_{name}": value for name, value in right.items()}}
    return replace(
        row,
        completion=row.choices[place],
        stop="stop",
        num_tokens=of_choices[place].num_tokens,
        scores={**scores, "rank_tie": 100.0 * (num_alike > 1)},
        faults=("truncated",) if question.num_cut else (),
        asked="rank",
        ranked={name: place for name, (place, _) in places.items()},
        logprobs=tuple(sums),
    )


def likeliest(values: Sequence[float]) -> tuple[int, int]:
    """Returns the place of the largest value, of equal ones the first, and how many are equal to it.

    >>> likeliest([-3.0, -1.0, -1.0]), likeliest([-1.0, -2.0])
    ((1, 2), (0, 1))
    """
    bar = max(values) - TIE
    alike = [place for place, value in enumerate(values) if value >= bar]
    return alike[0], len(alike)


def has_names(row: Prediction) -> bool:
    """Says whether a row's choices are names of items whose texts stand in the prompt.

    >>> row = Prediction("t", "1", "my/x", "", "", ("(A)",), "stop", 0, choices=("(A)", "(B)"), options=("yes", "no"))
    >>> has_names(row), has_names(replace(row, options=())), has_names(replace(row, choices=("It is yes.", "It is no.")))
    (True, False, False)
    """
    return bool(row.options) and len(set(row.choices)) > 1 and all(_NAME.fullmatch(choice) for choice in row.choices)


def continuations(tokeniser: Tokeniser, texts: Sequence[str], ending: str = "") -> Tokens:
    """Returns each text's tokens as a response, without the token that ends the turn, int32 (T,).

    A response is encoded apart from what stands before it, so its tokens are the same behind every prompt that ends alike.

    Args:
        tokeniser: The model's tokeniser and chat format.
        texts: What may be answered.
        ending: White space at the end of what is asked; the format `plain` moves a space into the answer.

    Raises:
        DataError: A text has no tokens.
    """
    said = [Conversation((Message("user", f"?{ending}"), Message("assistant", text)), Origin("choices", text)) for text in texts]
    found = {}
    for text, row in zip(texts, tokeniser.tokenise(said, _NO_LIMIT), strict=True):
        tokens = np.zeros(0, np.int32) if row is None else row.input_ids[row.roles == RESPONSE]
        if len(tokens) and int(tokens[-1]) in (*tokeniser.stop_ids, tokeniser.eos_id):
            tokens = tokens[:-1]
        if not len(tokens):
            raise DataError(f"the choice {text!r} has no tokens", expected="text in every choice", remedy="leave the row out")
        found[text] = tokens
    return found


def prompt_alone(tokeniser: Tokeniser, ending: str = "") -> np.ndarray:
    """Returns the prompt of a chat format without a question: an empty turn of the user, or white space, int32 (T,)."""
    return tokeniser.prompt(Conversation((Message("user", ending),), Origin("choices", "alone")), _NO_LIMIT).input_ids


def _up_to_difference(names: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Returns names of items up to the token in which all of them differ; whole where some are alike there."""
    shortest = min(len(name) for name in names)
    length = next((end for end in range(1, shortest + 1) if len({tuple(name[:end].tolist()) for name in names}) == len(names)), None)
    return [name[:length] for name in names]


def _check(asked: Sequence[Question], norm: str) -> None:
    """Looks whether every row has choices.

    Raises:
        DataError: One has none, one of them is empty, or there is no such norm.
    """
    if norm not in NORMS:
        raise DataError(f"no norm '{norm}'", expected=f"one of: {', '.join(NORMS)}")
    for row in (question.unanswered for question in asked):
        where = f"task '{row.task}', example '{row.example}', template {row.template}"
        if not row.choices:
            remedy = "ask for it in writing: leave evaluate.rank off"
            raise DataError(f"a row of task '{row.task}' has no choices to rank", where=where, remedy=remedy)
        if empty := [choice for choice in row.choices if not choice.strip()]:
            raise DataError(f"the choice {empty[0]!r} is empty", where=where, remedy="leave the row out")
