"""The tokens that an objective needs beside text: sentinels, masks, mode tokens; and what it has to know of the other tokens."""

from didact.base.recipe import Objective

NUM_SENTINELS = 100
SENTINELS: tuple[str, ...] = tuple(f"<extra_id_{number}>" for number in range(NUM_SENTINELS))
"""T5's names: the first gap of a text is `<extra_id_0>`."""
MODES: tuple[str, ...] = ("<|r|>", "<|s|>", "<|x|>")
"""UL2's families: regular spans, sequential (a prefix and what follows), extreme ones."""
BART_MASK, BERT_MASK, FIRST, SEPARATOR = "<mask>", "[MASK]", "[CLS]", "[SEP]"


def objective_controls(objective: Objective) -> tuple[str, ...]:
    """Returns the control tokens that a tokenizer needs for an objective, beside those of its chat format.

    >>> objective_controls(Objective(kind="masked"))
    ('[MASK]', '[CLS]', '[SEP]')
    >>> len(objective_controls(Objective(kind="ul2")))
    103
    """
    if objective.kind in ("span_corruption", "seq2seq"):
        return SENTINELS
    if objective.kind == "ul2":
        return (*SENTINELS, *MODES) if objective.ul2.mode_tokens else SENTINELS
    return {"bart": (BART_MASK,), "masked": (BERT_MASK, FIRST, SEPARATOR)}.get(objective.kind, ())
