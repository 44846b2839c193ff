"""Texts joined to a stream and cut into rows, windows of every objective, and recipes that pre-train: checked before they cost."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from didact.assemble import Assembly
from didact.base.errors import DataError
from didact.base.recipe import MixtureSection, Objective, Sequence
from didact.base.recipe_file import load_recipe
from didact.base.types import Conversation, Message, Origin
from didact.data.audit import Audit
from didact.data.batches import num_targets, row_length
from didact.data.mixture import Mixture
from didact.data.noise_masks import num_noise, span_lengths
from didact.data.objective_tokens import objective_controls
from didact.data.prepare import joined
from didact.data.stream import TrainingStream
from didact.data.tokens import TokenisedExample, Tokeniser
from didact.models.tokenizer import make_ready, train_tokenizer
from didact.prompts.chat_format import FORMATS

PRETRAIN = Path(__file__).parents[2] / "recipes" / "pretrain"
TEXTS = [f"Text {number} tells of a fox. It ran {number} miles! Then it slept{' and slept' * (number % 7)}." for number in range(40)]
KINDS = ("causal", "prefix", "span_corruption", "ul2", "bart", "masked", "seq2seq")
TOKENIZER = train_tokenizer(TEXTS, 340)
for name in KINDS:
    make_ready(TOKENIZER, FORMATS["chatml"], objective_controls(Objective(kind=name)))
TOKENISER = Tokeniser(TOKENIZER, FORMATS["chatml"])


def stream_of(kind, *, stream=False, max_length=48, epochs=2.0, window=15, texts=TEXTS, **settings):
    def render(draw):
        return Conversation((Message("text", texts[draw.index]),), Origin(draw.task, str(draw.index), epoch=draw.epoch))

    mixture, section = Mixture({"texts": len(texts)}, MixtureSection(), 0), Sequence(max_length=max_length, stream=stream)
    return TrainingStream(mixture, render, TOKENISER, section, 300, epochs, window, Objective(kind=kind, **settings))


def rows_of(stream):
    windows = [stream.window(number) for number in range(len(stream.spans()))]
    return [row for window in windows for step in window.steps for row in step]


def shown(rows):
    return [(row.input_ids.tolist(), None if row.target_ids is None else row.target_ids.tolist()) for (row,) in rows]


def example(ids, number=0):
    return TokenisedExample(np.array(ids, np.int32), np.full(len(ids), 2, np.uint8), Origin("t", str(number)), plain=True)


def test_a_stream_holds_every_token_in_order_and_rows_are_full():
    rows = joined([example([1, 2, 3, 0]), example([4, 0], 1), example([5, 6, 7, 8, 0], 2)], 4, 0)
    assert [row.input_ids.tolist() for row in rows] == [[1, 2, 3, 0], [4, 0, 5, 6], [7, 8, 0]]
    assert len({row.origin.example for row in rows}) == 3  # each has an identity of its own
    # A row of one token predicts nothing, and is left out.
    assert [len(row) for row in joined([example([1, 2, 3, 4, 0])], 4, 0)] == [4] and joined([], 4, 0) == []


def test_texts_of_a_causal_stream_each_end_with_the_end_token():
    stream = stream_of("causal", stream=True, window=1000, epochs=1)
    rows = rows_of(stream)
    ids = np.concatenate([row.input_ids for (row,) in rows])
    texts = [part for part in np.split(ids, np.flatnonzero(ids == TOKENISER.eos_id) + 1) if len(part)]
    assert sorted(TOKENISER.decode(part) for part in texts) == sorted(TEXTS)
    assert {len(row) for (row,) in rows[:-1]} == {48} and len(rows[-1][0]) <= 48
    assert num_targets(rows, Objective()) == len(ids) - len(rows)


def test_rows_of_a_corrupted_stream_are_full_on_both_sides():
    length, target_length = span_lengths(48, 0.15, 3, 100)
    rows = rows_of(stream_of("span_corruption", stream=True, window=1000, epochs=1))
    assert {(len(row.input_ids), len(row.target_ids)) for (row,) in rows[:-1]} == {(48, target_length)}
    noise, spans = num_noise(length, 0.15, 3, 100)
    assert length - noise + spans + 1 == 48 and noise + spans + 1 == target_length


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
def test_windows_are_the_same_however_they_are_reached(kind, stream):
    settings = {"masked": {"next_sentence": not stream}}
    whole, again = stream_of(kind, stream=stream, **settings), stream_of(kind, stream=stream, **settings)
    last = len(whole.spans()) - 1
    expected = [shown(step) for step in again.window(last).steps]
    assert shown(rows_of(whole)) == shown(rows_of(stream_of(kind, stream=stream, **settings)))
    assert [shown(step) for step in whole.window(last).steps] == expected
    assert all(len(row) <= 48 for (row,) in rows_of(whole))


@pytest.mark.parametrize("kind", ["prefix", "span_corruption", "ul2", "bart", "masked"])
def test_noise_is_drawn_anew_when_a_text_comes_again(kind):
    # Two texts, eight times each: two rows in all would be different if the epoch were no part of the identity.
    settings = {"noise_density": 0.4, "mean_span": 2}
    rows = rows_of(stream_of(kind, texts=TEXTS[6:8], epochs=8.0, window=2, **settings))
    assert len({str((row.input_ids.tolist(), row.num_prefix)) for (row,) in rows}) > len(rows) / 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_forecast_says_what_the_run_will_do(kind, stream):
    objective = {"kind": kind, "masked": {"next_sentence": not stream}}
    made = stream_of(stream=stream, **objective)
    forecast = made.forecast(Audit(TOKENISER, Objective(**objective)))
    rows, audit = rows_of(made), forecast.audit
    assert forecast.num_steps == sum(len(made.window(number).steps) for number in range(len(made.spans())))
    assert (audit.num_examples, audit.num_tokens) == (80, sum(map(row_length, rows)))
    follows = sum(row.next_segment >= 0 for (row,) in rows)
    assert audit.num_supervised == num_targets(rows, Objective(**objective)) - follows
    assert audit.problems() == [] and audit.lost.total() == 0
    assert "plain text only" in audit.lines()[0] and audit.by_task["texts"][0] == 80


def test_pairs_of_one_document_do_not_stand_together():
    rows = rows_of(stream_of("masked", max_length=24, window=1000, epochs=1))
    owners = [row.origin.example for (row,) in rows]
    assert len(owners) > 60 and sum(a == b for a, b in pairwise(owners)) < len(owners) / 5


def test_what_pairs_have_no_room_for_is_counted():
    long = ["word " * 200 + "end. " + "Fox " * 30 + "ran."] * 3
    made = stream_of("masked", texts=long, max_length=48, epochs=1)
    forecast = made.forecast(Audit(TOKENISER, Objective(kind="masked")))
    assert forecast.tokens.num_tokens_cut == sum(row.num_cut for (row,) in rows_of(made))
    assert all(len(row) <= 48 for (row,) in rows_of(made))


# Recipes


def written(folder, body):
    (folder / "texts.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")
    (folder / "quiz.json").write_text('[{"instruction": "Say a", "input": "", "output": "a"}]')
    (folder / "a.yaml").write_text(body)
    return load_recipe(folder / "a.yaml")


TEXT_SOURCE = "{name: texts, reader: text, path: texts.txt, passage_chars: 100}"
QUIZ_SOURCE = "{name: quiz, reader: alpaca, path: quiz.json}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sequence: {stream: true}", "sequence.stream joins plain texts, and task 'quiz' is none"),
        ("model: {new: {architecture: t5}}\nobjective: {kind: ul2}", "objective.kind ul2 is for plain text, and task 'quiz' is none"),
    ],
)
def test_a_recipe_that_wants_plain_text_names_the_first_task_that_is_none(tmp_path, body, said):
    head = f"tasks: {{sources: [{TEXT_SOURCE}, {QUIZ_SOURCE}]}}\n"
    recipe = written(tmp_path, head + ("model: {base: new}\n" + body if "model" not in body else body.replace("{new", "{base: new, new")))
    with pytest.raises(DataError, match=said):
        _ = Assembly(recipe).stream


def test_a_mixture_of_text_and_conversations_tunes_an_encoder_decoder(tmp_path):
    body = f"tasks: {{sources: [{TEXT_SOURCE}, {QUIZ_SOURCE}]}}\nmodel: {{base: new, new: {{architecture: t5, vocabulary: 340}}}}\n"
    recipe = written(tmp_path, body + "objective: {kind: seq2seq}\nprompts: {templates: [alpaca/standard]}\nsequence: {max_length: 200}")
    forecast = Assembly(recipe).forecast
    assert forecast.audit.num_examples == forecast.tokens.num_kept > 10
    assert forecast.audit.num_answers == forecast.audit.num_terminated == 1


@pytest.mark.parametrize("path", sorted(PRETRAIN.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_that_pretrains_passes_its_audit(path):
    assert len(sorted(PRETRAIN.glob("*.yaml"))) == 6
    recipe = load_recipe(path, ["train.max_steps=4"])
    assert recipe.name == recipe.objective.kind == path.stem
    assembly = Assembly(recipe)
    assert assembly.forecast.num_steps == 4 and assembly.forecast.audit.problems() == []
    assert len(assembly.tasks[0].examples) == 60


@pytest.mark.parametrize("kind", ["causal", "span_corruption", "masked"])
def test_the_same_recipes_read_any_folder_of_texts(kind, shared):
    source = str(shared / "text" / "stories_superni_task105" / "stories.txt")
    changes = [f"tasks.sources.0.path={source}", "tasks.sources.0.limit=200", "train.max_steps=6"]
    assembly = Assembly(load_recipe(PRETRAIN / f"{kind}.yaml", changes))
    assert assembly.forecast.num_steps == 6 and assembly.forecast.audit.lost.total() == 0
