"""How likely a model finds given answers behind prompts, nothing read twice that need not be.

Three things are shared. What many prompts begin with (the demonstrations of a task) is read once for all of them; a prompt is read once
for all of its answers, which stand behind it as a tree; and the head looks only at the places that predict an answer's tokens.
What else is in a batch changes nothing but rounding: about 1e-6 of a logit in float32. In bf16 sums carry errors of a hundredth, which
can turn close choices around; so a score is best asked for in float32.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite
from operator import itemgetter
from typing import Any

import numpy as np
import torch

from didact.base.errors import ModelError
from didact.models.answer_log import asked_name, places_of, read_together
from didact.models.answer_reading import Read, can_read_trees, read_behind_encoder, read_sequences, read_trees
from didact.models.answer_rows import one_sequence_each, with_all_answers
from didact.models.local import LocalModel, something
from didact.models.precision import autocast
from didact.models.predicted import Likelihood as Likelihood
from didact.models.predicted import valued
from didact.models.prefix import sees_prefix
from didact.models.pretrained import positions_of
from didact.models.products import quick_products
from didact.models.shared_attention import shared_attention
from didact.prompts.virtual_tokens import virtual_ids

_ON_CPU = 2048
"""Tokens of a batch on a CPU, at most: more leave its cache, and are slower."""
_LOGIT_BYTES = 2**27
"""Logits held at once: 128 MiB."""


def likelihoods(
    model: LocalModel,
    prompts: Sequence[np.ndarray],
    continuations: Sequence[Sequence[np.ndarray]],
    *,
    batch_tokens: int = 16_384,
    done: Callable[[int], None] = lambda _: None,
) -> list[list[Likelihood]]:
    """Returns how likely each continuation of each prompt is, in their order.

    A decoder reads the continuation behind the prompt; an encoder-decoder reads the prompt in its encoder and the continuation in its
    decoder, behind its start token; a prefix language model sees its prompt whole. Where the model keeps its answers, those that are
    there are taken from there, and the others are kept as they come.

    Args:
        model: What is asked.
        prompts: Token ids, int32 (T,).
        continuations: For each prompt, token ids of what may follow it; the numbers of them may differ.
        batch_tokens: Most tokens of a batch, padding included.
        done: Called with the number of prompts that a batch has finished.

    Raises:
        ModelError: The model is an encoder, or was built for shorter sequences.
    """
    if len(prompts) != len(continuations):
        raise ValueError(f"{len(prompts)} prompts and continuations of {len(continuations)}")
    _check(model, prompts, continuations)
    given, log = [something(prompt, model.tokeniser.eos_id) for prompt in prompts], model.answers
    names = [*map(str, range(len(given)))] if log is None else likely_names(model, given, continuations)
    places = places_of(names)
    nothing = [name for name, (place, *_) in places.items() if not len(continuations[place])]
    asked = [name for name in places if name not in set(nothing)]
    kept = {} if log is None else log.find(asked)
    found = {name: [_value(*each) for each in row["likely"]] for name, row in kept.items()} | {name: [] for name in nothing}
    done(sum(len(places[name]) for name in found))
    limit = min(batch_tokens, _ON_CPU) if model.device.type == "cpu" else batch_tokens
    together, mark = read_together(asked, kept, limit)

    def hear(rows: Mapping[int, list[Likelihood]]) -> None:
        ended = {together[number]: values for number, values in rows.items()}
        found.update(ended)
        if log is not None:
            log.add({name: {"together": mark, "likely": [*map(_kept, values)]} for name, values in ended.items()})
        done(sum(len(places[name]) for name in ended))

    needed = {number for number, name in enumerate(together) if name not in found}
    firsts = [places[name][0] for name in together]
    if needed:
        _tell(model, [given[place] for place in firsts], [continuations[place] for place in firsts], limit, needed, hear)
    return [found[name] for name in names]


def likely_names(model: LocalModel, prompts: Sequence[np.ndarray], continuations: Sequence[Sequence[np.ndarray]]) -> list[str]:
    """Returns the names under which `likelihoods` keeps its answers."""
    given = (something(prompt, model.tokeniser.eos_id) for prompt in prompts)
    return [asked_name(["likely"], prompt, *several) for prompt, several in zip(given, continuations, strict=True)]


def _kept(value: Likelihood) -> tuple[float | str, int, bool]:
    """Returns a value as JSON has it, which knows no infinity."""
    return value.logprob if isfinite(value.logprob) else str(value.logprob), value.num_tokens, value.greedy


def _value(logprob: float | str, num_tokens: int, greedy: bool) -> Likelihood:
    return Likelihood(float(logprob), num_tokens, greedy)


def _tell(
    model: LocalModel,
    prompts: Sequence[np.ndarray],
    continuations: Sequence[Sequence[np.ndarray]],
    limit: int,
    needed: Collection[int],
    hear: Callable[[Mapping[int, list[Likelihood]]], None],
) -> None:
    """Tells the numbers of the prompts that are needed with the values of all their continuations, batch by batch."""
    values_of: dict[int, dict[int, Likelihood]] = {number: {} for number in needed}
    unwritten = virtual_ids(model.tokeniser.chat_format, model.tokeniser.controls)
    with torch.inference_mode(), autocast(model.precision, model.device), quick_products(model.device):
        for rows, logits in _read(model, prompts, continuations, limit, needed):
            logits[:, [token for token in unwritten if token < logits.shape[1]]] = -torch.inf
            ended = dict[int, list[Likelihood]]()
            for row, values in zip(rows, valued(rows, logits), strict=True):
                if row.number not in needed:
                    continue
                mine = values_of[row.number]
                mine.update(zip(row.answers, values, strict=True))
                if len(mine) == len(continuations[row.number]):
                    ended[row.number] = [value for _, value in sorted(mine.items(), key=itemgetter(0))]
            hear(ended)


def _check(model: LocalModel, prompts: Sequence[np.ndarray], continuations: Sequence[Sequence[np.ndarray]]) -> None:
    """Looks whether the model can be asked this at all.

    Raises:
        ModelError: It cannot.
    """
    name = type(model.network).__name__
    if model.architecture == "encoder":
        raise ModelError(
            f"{name} is an encoder: it tells masked words, and not how likely a text is",
            expected="a decoder or an encoder-decoder",
            remedy="set model.base to one, or objective.kind=causal with model.new.architecture=llama",
        )
    known = positions_of(model.network.config)
    reads = model.architecture == "encoder_decoder"
    for prompt, several in zip(prompts, continuations, strict=True):
        answer = max((len(one) for one in several), default=0)
        length = max(len(prompt), answer) if reads else len(prompt) + answer - 1
        if known is not None and length > known:
            what = f"a prompt of {len(prompt):,} tokens with an answer of {answer:,}, and {name} was built for {known:,}"
            raise ModelError(what, remedy=f"sequence.max_length={known}")


def _read(
    model: LocalModel,
    prompts: Sequence[np.ndarray],
    continuations: Sequence[Sequence[np.ndarray]],
    limit: int,
    needed: Collection[int],
) -> Read:
    """Yields the logits that the likelihoods follow from, in the way that the model allows."""
    network: Any = model.network
    places = _LOGIT_BYTES // (4 * network.config.get_text_config().vocab_size)
    pad = int(model.tokeniser.tokenizer.pad_token_id)
    if model.architecture == "encoder_decoder":
        yield from read_behind_encoder(network, one_sequence_each(prompts, continuations), limit, places, pad, needed=needed)
        return
    rows, prefix_lm = with_all_answers(prompts, continuations), sees_prefix(network.config)
    longest = max((len(row.prompt) + max(row.tree.depths, default=0) for row in rows), default=0)
    few = next((few for few in (True, False) if can_read_trees(network, longest, pad, few=few)), None)
    if few is not None:
        with shared_attention(network):
            yield from read_trees(network, rows, limit, places, pad, prefix_lm=prefix_lm, needed=needed, few=few)
    elif prefix_lm:
        what = f"{type(network).__name__} is a prefix language model, and its attention cannot be told what to see"
        raise ModelError(what, remedy="set model.base to a model of the llama or gpt2 family")
    else:
        yield from read_sequences(network, one_sequence_each(prompts, continuations), limit, places, pad, needed=needed)
