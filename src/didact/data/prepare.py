"""From a tokenised text or conversation to what an objective trains on: corrupted, split, masked, paired or joined.

causal           the row itself
prefix           the row, and up to where it is seen whole
seq2seq          prompt -> encoder, last response -> decoder; plain text as span_corruption
span_corruption  text with gaps -> encoder, what stood in them -> decoder; ul2: the same in seven ways
bart             corrupted text -> encoder, the text -> decoder
masked           [CLS] text [SEP], or [CLS] text [SEP] text [SEP], with tokens to tell
"""

import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np

from didact.base.chance import generator
from didact.base.errors import DataError
from didact.base.recipe import Objective
from didact.data.bart_noise import bart_noise
from didact.data.denoising import span_corrupt, split_point, ul2
from didact.data.masked_lm import mask_tokens
from didact.data.noise_masks import noise_mask, span_lengths
from didact.data.objective_tokens import BART_MASK, BERT_MASK, FIRST, NUM_SENTINELS, SEPARATOR, ObjectiveTokens
from didact.data.objectives import last_response, weighed
from didact.data.sentence_pairs import Document, Pair, sentence_pairs
from didact.data.tokens import PROMPT, RESPONSE, TokenisedExample

CONVERSATIONS = ("causal", "prefix", "seq2seq")
"""Objectives that conversations can be trained with; the others are for plain text."""


def check_kinds(kinds: Mapping[str, str], objective: Objective, stream: bool) -> None:
    """Looks whether every task is of a kind that the objective can train on.

    Args:
        kinds: Task name to kind; plain text is `text`.
        objective: The recipe's section.
        stream: The recipe's `sequence.stream`.

    Raises:
        DataError: A task is not plain text where only that can be trained on.
    """
    other = next((name for name, kind in kinds.items() if kind != "text"), None)
    if other is None or (objective.kind in CONVERSATIONS and not stream):
        return
    if stream:
        raise DataError(f"sequence.stream joins plain texts, and task '{other}' is none", remedy="sequence.stream=false")
    raise _not_text(other, objective)


def _not_text(task: str, objective: Objective) -> DataError:
    remedy = "objective.kind=seq2seq" if objective.kind != "masked" else "mixture.parts: [{tasks: the plain texts}]"
    return DataError(f"objective.kind {objective.kind} is for plain text, and task '{task}' is none", remedy=remedy)


def text_length(objective: Objective, max_length: int) -> int:
    """Returns how many tokens a plain text may have, such that its row has at most `max_length`: what it is framed with takes the rest.

    >>> text_length(Objective(kind="masked", masked={"next_sentence": False}), 128)  # [CLS] and [SEP]
    126
    """
    if objective.kind == "masked":
        return sys.maxsize if objective.masked.next_sentence else max_length - 2
    if objective.kind == "ul2":
        return max_length - 1 - objective.ul2.mode_tokens
    return max_length if objective.kind in ("causal", "prefix") else max_length - 1


def stream_length(objective: Objective, max_length: int) -> int:
    """Returns how many tokens of a stream make one row of `max_length`.

    >>> stream_length(Objective(kind="span_corruption"), 512)
    568
    """
    if objective.kind in ("span_corruption", "seq2seq"):
        return span_lengths(max_length, objective.noise_density, objective.mean_span, NUM_SENTINELS)[0]
    return text_length(objective, max_length)


def joined(examples: Sequence[TokenisedExample], length: int, window: int, objective: Objective | None = None) -> list[TokenisedExample]:
    """Returns texts joined in their order and cut into rows of exactly `length` tokens; the last row is shorter.

    A row belongs to several texts, so what these weigh, their tasks' factors too, is what its tokens weigh.

    >>> from didact.base.types import Origin
    >>> texts = [TokenisedExample(np.array(ids), np.array([2] * len(ids)), Origin("t", "0")) for ids in ([5, 6, 0], [7, 0])]
    >>> [row.input_ids.tolist() for row in joined(texts, 2, 0)]
    [[5, 6], [0, 7]]
    """
    if not examples:
        return []
    examples = weighed(examples, objective) if objective is not None else examples
    ids, roles = (np.concatenate([getattr(example, name) for example in examples]) for name in ("input_ids", "roles"))
    weights = None
    if any(example.weight != 1 or example.weights is not None for example in examples):
        weights = np.concatenate([np.float32(example.weight) * _weights(example) for example in examples])
    owners = np.repeat(np.arange(len(examples)), [len(example) for example in examples])
    rows = []
    for number, start in enumerate(range(0, len(ids), length)):
        span, origin = slice(start, start + length), examples[owners[start]].origin
        # One token alone predicts nothing; it goes the way of every row's first token, which nothing predicts.
        if len(ids) - start > 1:
            own = None if weights is None else weights[span]
            origin = replace(origin, example=f"row {window}.{number}")
            rows.append(TokenisedExample(ids[span], roles[span], origin, plain=True, weights=own))
    return rows


def prepare_window(
    examples: Sequence[TokenisedExample], tokens: ObjectiveTokens, max_length: int, seed: int, *, stream: bool = False
) -> list[tuple[TokenisedExample, ...]]:
    """Returns what is trained on for each example, drawn by its identity; one row each, but for pairs of sentences.

    Args:
        examples: A window's; pairs take their other documents from here.
        tokens: What the objective has to know of the tokenizer.
        max_length: Tokens of a row, at most.
        seed: The recipe's.
        stream: The examples are rows of a stream: cut anywhere, so that their ends are no ends.
    """
    examples = examples if stream else weighed(examples, tokens.objective)
    rngs = [generator(seed, "corrupt", origin.task, origin.example, origin.epoch) for origin in (example.origin for example in examples)]
    if tokens.objective.kind == "masked" and tokens.objective.masked.next_sentence:
        documents = [_sentences(example, tokens, (max_length - 3) // 2) for example in examples]
        return [_pairs(example, documents, number, tokens, max_length, rngs[number]) for number, example in enumerate(examples)]
    return [(prepare(example, tokens, max_length, rng, stream=stream),) for example, rng in zip(examples, rngs, strict=True)]


def prepare(
    example: TokenisedExample, tokens: ObjectiveTokens, max_length: int, rng: np.random.Generator, *, stream: bool = False
) -> TokenisedExample:
    """Returns what one example is trained on as. See `prepare_window`.

    Raises:
        DataError: The objective is for plain text, and this is none.
    """
    objective = tokens.objective
    if objective.kind == "causal":
        return example
    if objective.kind == "prefix":
        cut = split_point(len(example), rng) if example.plain else last_response(example.roles)
        return replace(example, num_prefix=cut)
    if not example.plain:
        if objective.kind != "seq2seq":
            raise _not_text(example.origin.task, objective)
        return _prompt_and_response(example, tokens)
    body = slice(0, len(example)) if stream else _body(example, tokens)
    ids, weights = example.input_ids[body], None if example.weights is None else example.weights[body]
    if objective.kind == "masked":
        return _masked(example, Pair(ids, ids[:0], -100), tokens, rng, weights)
    end = np.array([tokens.tokeniser.eos_id], np.int32)
    if objective.kind == "bart":
        first = example.input_ids[:1] if len(ids) < len(example.input_ids) and example.input_ids[0] == tokens.tokeniser.bos_id else ids[:0]
        starts, ends = tokens.word_starts(ids), tokens.sentence_ends(ids)
        inputs = bart_noise(ids, starts, ends, tokens.ids[BART_MASK], objective.bart, rng, max_length - len(first) - 1).ids
        own = None if weights is None else np.concatenate([weights[: len(first)], weights, weights[-1:]])
        return _pair(example, np.concatenate([first, inputs, end]), np.concatenate([first, ids, end]), own)
    again = deepcopy(rng) if weights is not None else rng
    inputs, targets = _corrupted(ids, tokens.sentinels, tokens.modes, objective, rng)
    own = None if weights is None else _weights_of_targets(weights, len(tokens.sentinels), objective, again)
    return _pair(example, np.append(inputs, end), np.append(targets, end), own)


def _corrupted(
    ids: np.ndarray, sentinels: np.ndarray, modes: Mapping[str, int], objective: Objective, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a text with gaps, and what stood in them."""
    if objective.kind == "ul2":
        return ul2(ids, sentinels, modes, rng)
    return span_corrupt(ids, noise_mask(len(ids), objective.noise_density, objective.mean_span, rng, most_spans=len(sentinels)), sentinels)


def _weights_of_targets(weights: np.ndarray, num_sentinels: int, objective: Objective, rng: np.random.Generator) -> np.ndarray:
    """Returns the factors of a corrupted text's targets and of the end token behind them.

    The places of the tokens are corrupted as the tokens were. A sentinel weighs what its first token weighs, the end what the last does.
    """
    _, places = _corrupted(np.arange(len(weights)), -1 - np.arange(num_sentinels), {}, objective, rng)
    there = np.where(places >= 0, places, np.append(places[1:], 0))
    return np.append(weights[there], weights[there[-1:]] if len(there) else np.float32(1))


def _weights(example: TokenisedExample) -> np.ndarray:
    """Returns the factors of an example's tokens, float32 (T,)."""
    return np.ones(len(example), np.float32) if example.weights is None else example.weights


def _pair(example: TokenisedExample, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> TokenisedExample:
    """Returns an example for an encoder-decoder; its roles say that the decoder writes everything, the encoder nothing."""
    roles = np.full(len(inputs), PROMPT, np.uint8)
    return replace(example, input_ids=inputs.astype(np.int32), roles=roles, target_ids=targets.astype(np.int32), weights=weights)


def _prompt_and_response(example: TokenisedExample, tokens: ObjectiveTokens) -> TokenisedExample:
    """Returns what stands before the last trained response, and that response with its terminator; nothing it depends on is left out."""
    start = last_response(example.roles)
    inside = example.roles[start:] == RESPONSE
    end = start + (len(inside) if inside.all() else int(np.argmin(inside)))
    prompt = example.input_ids[:start]
    # An encoder has to read something.
    weights = None if example.weights is None else example.weights[start:end]
    return _pair(example, prompt if start else np.array([tokens.tokeniser.eos_id], np.int32), example.input_ids[start:end], weights)


def _body(example: TokenisedExample, tokens: ObjectiveTokens) -> slice:
    """Returns where a text stands between the first and last token that the tokenizer frames it with."""
    ids = example.input_ids
    first = int(tokens.tokeniser.adds_bos and len(ids) > 1 and ids[0] == tokens.tokeniser.bos_id)
    last = int(len(ids) - first > 1 and ids[-1] == tokens.tokeniser.eos_id)
    return slice(first, len(ids) - last)


def _sentences(example: TokenisedExample, tokens: ObjectiveTokens, longest: int) -> Document:
    """Returns a text's sentences; one that is longer than half a row is cut, for pairs would lose the rest of it."""
    ids = example.input_ids[_body(example, tokens)]
    sentences = np.split(ids, np.flatnonzero(tokens.sentence_ends(ids)[:-1]) + 1)
    return [sentence[at : at + longest] for sentence in sentences for at in range(0, len(sentence), longest)]


def _pairs(
    example: TokenisedExample,
    documents: Sequence[Document],
    number: int,
    tokens: ObjectiveTokens,
    max_length: int,
    rng: np.random.Generator,
) -> tuple[TokenisedExample, ...]:
    if not example.plain:
        raise _not_text(example.origin.task, tokens.objective)
    if example.weights is not None:
        what = f"objective.masked.next_sentence takes texts apart, and in task '{example.origin.task}' parts of them have weights"
        raise DataError(what, remedy="objective.masked.next_sentence=false")
    pairs = sentence_pairs(documents, number, max_length - 3, tokens.objective.masked.short, rng)
    return tuple(_masked(example, pair, tokens, rng) for pair in pairs)


def _masked(
    example: TokenisedExample, pair: Pair, tokens: ObjectiveTokens, rng: np.random.Generator, weights: np.ndarray | None = None
) -> TokenisedExample:
    """Returns [CLS] first [SEP], or [CLS] first [SEP] second [SEP], masked; the frame is never asked for, so it needs no weight."""
    noise = tokens.objective.masked
    first, separator = ([tokens.ids[name]] for name in (FIRST, SEPARATOR))
    second = [pair.second, separator] if len(pair.second) else []
    ids = np.concatenate([first, pair.first, separator, *second]).astype(np.int32)
    special = np.zeros(len(ids), bool)
    special[[0, len(pair.first) + 1, -1]] = True
    starts = tokens.word_starts(ids) if noise.whole_word else None
    inputs, labels = mask_tokens(ids, special, tokens.ids[BERT_MASK], tokens.ordinary, noise, rng, starts)
    types = np.zeros(len(ids), np.int8)
    types[len(pair.first) + 2 :] = 1
    return replace(
        example,
        input_ids=inputs,
        roles=np.full(len(ids), PROMPT, np.uint8),
        labels=labels,
        weights=None if weights is None else np.concatenate([np.ones(1, np.float32), weights, np.ones(1, np.float32)]),
        token_types=types,
        next_segment=pair.next_segment,
        num_cut=example.num_cut + pair.num_cut,
    )
