"""Toys for probes: an encoder of random weights, and rows that a single word decides."""

import itertools

import torch
from tiny import tokeniser
from transformers import BertConfig, BertModel

from didact.base.types import Example
from didact.evals.probe_climb import ProbeSettings
from didact.evals.probe_data import ProbeTask
from didact.evals.probe_encoder import Encoder
from didact.evals.probe_rows import ProbeRow
from didact.models.tokenizer import make_ready
from didact.prompts.chat_format import FORMATS

NO_YES = ("no", "yes")
FAST = ProbeSettings(num_seeds=2, epochs=12, learning_rate=2e-3, batch_rows=8, resamples=100)
TOKENIZER = tokeniser().tokenizer
make_ready(TOKENIZER, FORMATS["chatml"], ("[MASK]", "[CLS]", "[SEP]"))


def bert(seed: int = 0) -> Encoder:
    """An encoder of random weights, width 32, two layers."""
    config = BertConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        vocab_size=len(TOKENIZER),
        max_position_embeddings=64,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(seed)
    return Encoder("tiny", BertModel(config, add_pooling_layer=False).eval(), config, TOKENIZER, "encoder", 64)


def task(rows: list[tuple[tuple[str, str], float]], kind: str = "labels", metrics: tuple[str, ...] = ("accuracy",)) -> ProbeTask:
    """Rows, the even ones to train on, the odd ones judged."""
    choices = NO_YES if kind == "labels" else ()

    def row(number: int, texts: tuple[str, str], gold: float) -> ProbeRow:
        target = NO_YES[int(gold)] if kind == "labels" else f"{gold:.1f}"
        return ProbeRow(Example(str(number), {"text": texts[0]}, (target,), choices), (texts,), gold)

    made = [row(number, texts, gold) for number, (texts, gold) in enumerate(rows)]
    return ProbeTask("toy", kind, choices, metrics, tuple(made[::2]), tuple(made[1::2]), "here", "here")


def colours(count: int = 80) -> list[tuple[tuple[str, str], float]]:
    """`yes` where red is said: a single word decides."""
    said = itertools.cycle(["the {} house", "a dog sees the {} garden", "{} is what the bird likes at night"])
    words = itertools.cycle([("red", 1.0), ("green", 0.0), ("green", 0.0), ("red", 1.0)])
    return [((next(said).format(word), ""), gold) for word, gold in itertools.islice(words, count)]
