"""didact tokens shows what each objective really trains on: gaps and what stood in them, prefixes, masks."""

from pathlib import Path

import pytest

from didact.apps.looking import draw_as_tokens
from didact.base.recipe_file import load_recipe

RECIPES = Path(__file__).parents[2] / "recipes" / "pretrain"


def shown(kind: str) -> list[dict]:
    return draw_as_tokens(load_recipe(RECIPES / f"{kind}.yaml", ["sequence.stream=false"]), 0)[1]


def trained(rows: list[dict]) -> list[bool]:
    return [bool(row["weight"]) for row in rows]


def test_a_causal_text_is_trained_from_its_second_token_on() -> None:
    assert trained(shown("causal")) == [False, *[True] * (len(shown("causal")) - 1)]


@pytest.mark.parametrize("kind", ["span_corruption", "ul2", "bart"])
def test_an_encoder_decoder_reads_one_side_and_writes_the_other(kind: str) -> None:
    weights = trained(shown(kind))
    read = weights.index(True)
    assert read > 1
    assert all(weights[read:])


def test_a_gap_of_span_corruption_is_a_sentinel_on_both_sides() -> None:
    rows = shown("span_corruption")
    read = trained(rows).index(True)
    sides = [[row["text"] for row in side if row["text"].startswith("<extra_id_")] for side in (rows[:read], rows[read:])]
    assert sides[0] == sides[1] == [f"<extra_id_{number}>" for number in range(len(sides[0]))]
    assert sides[0]


def test_a_prefix_is_seen_and_what_follows_is_trained() -> None:
    weights = trained(shown("prefix"))
    assert 0 < weights.index(True) < len(weights)
    assert all(weights[weights.index(True) :])


def test_masked_words_alone_are_trained_where_masks_stand() -> None:
    rows = shown("masked")
    assert rows[0]["text"] == "[CLS]"
    masks = [row for row in rows if row["text"] == "[MASK]"]
    assert masks
    assert all(row["weight"] for row in masks)
    assert sum(trained(rows)) < len(rows) / 2
