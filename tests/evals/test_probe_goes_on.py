"""Ladders that were stopped go on, what is done is told, and encoders are read as they were trained."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from probe_toys import FAST, bert, colours, task
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoModelForPreTraining, AutoTokenizer, BertForSequenceClassification
from transformers.utils import logging
from verbs import didact

from didact.evals.probe import RUNGS, probe
from didact.evals.probe_climb import ProbeSettings, begin
from didact.evals.probe_encoder import load_encoder, read_texts
from didact.evals.probe_training import pace

ROOT = Path(__file__).parents[2]
SHORT = replace(FAST, epochs=2)


def without_times(result: dict) -> dict:
    """What a ladder found, without how long it took, and which trainings had been done before."""
    result = json.loads(json.dumps(result))
    for one in result["tasks"].values():
        for rung in one["rungs"].values():
            rung.pop("seconds")
            rung.pop("num_kept", None)
    for name in ("keep", "fresh"):
        result["settings"].pop(name)
    return result


def test_a_stopped_ladder_goes_on_and_finds_what_it_would_have_found(tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path))
    whole, rows = probe(bert(), [task(colours())], RUNGS, replace(SHORT, keep=False))
    assert not (tmp_path / "probes").exists()

    def stop(title: str, share: float) -> None:
        if title == "toy, tuned, seed 2 of 2":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe(bert(), [task(colours())], RUNGS, SHORT, done=stop)
    heard, lines = dict[str, float](), list[str]()
    again, rows_again = probe(
        bert(),
        [task(colours())],
        RUNGS,
        SHORT,
        say=lines.append,
        done=lambda title, share: heard.update({title: heard.get(title, 0.0) + share}),
    )
    assert without_times(again) == without_times(whole)
    assert rows_again == rows
    # Kept are two seeds each of random frozen, frozen and random, and one tuned; word vectors cost nothing and are read anew.
    assert {rung: found.get("num_kept") for rung, found in again["tasks"]["toy"]["rungs"].items()} == {
        "majority": None,
        "random_frozen": 2,
        "words": 0,
        "frozen": 2,
        "random": 2,
        "tuned": 1,
    }
    assert lines[1].startswith("7 of 10 trainings were done before")
    assert list(heard) == ["toy, words, seed 1 of 2", "toy, words, seed 2 of 2", "toy, tuned, seed 2 of 2"]
    assert sum(heard.values()) == pytest.approx(1)


def test_the_shares_of_all_trainings_make_up_the_whole():
    heard = dict[str, float]()
    tasks = [task(colours(40)), replace(task(colours(16)), name="small")]
    probe(bert(), tasks, RUNGS, replace(SHORT, keep=False), done=lambda title, share: heard.update({title: heard.get(title, 0) + share}))
    assert sum(heard.values()) == pytest.approx(1)
    # Two seeds; a training reads every row of 20 twice, forwards and backwards, and each judged row once: 3 * 2 + 1 passes.
    assert heard["toy, tuned, seed 1 of 2"] == pytest.approx(heard["toy, random, seed 2 of 2"])
    assert heard["toy, tuned, seed 1 of 2"] > heard["small, tuned, seed 1 of 2"]
    assert "toy, majority, seed 1 of 2" not in heard


@pytest.mark.parametrize(
    "change",
    [
        lambda encoder, rows, settings: (bert(1), rows, settings),
        lambda encoder, rows, settings: (encoder, colours(44), settings),
        lambda encoder, rows, settings: (encoder, [(text, 1 - gold) for text, gold in rows], settings),
        lambda encoder, rows, settings: (encoder, rows, replace(settings, epochs=1)),
        lambda encoder, rows, settings: (encoder, rows, replace(settings, learning_rate=1e-4)),
        lambda encoder, rows, settings: (encoder, rows, replace(settings, pool="first")),
        lambda encoder, rows, settings: (encoder, rows, replace(settings, seed=1)),
    ],
    ids=["weights", "rows", "answers", "epochs", "rate", "pool", "seed"],
)
def test_what_decides_a_training_is_what_it_is_kept_under(change, tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path))

    def num_kept(encoder, rows, settings):
        return probe(encoder, [task(rows)], ("tuned",), settings)[0]["tasks"]["toy"]["rungs"]["tuned"]["num_kept"]

    given = (bert(), colours(40), replace(SHORT, num_seeds=1))
    assert num_kept(*given) == 0
    assert num_kept(*given) == 1
    assert num_kept(*given[:2], replace(given[2], fresh=True)) == 0
    assert num_kept(*given) == 1
    assert num_kept(*change(*given)) == 0
    assert num_kept(given[0], given[1], replace(given[2], num_seeds=2, resamples=50)) == 1  # a seed more costs itself alone


def test_a_torn_file_is_done_again(tmp_path, monkeypatch):
    monkeypatch.setenv("DIDACT_CACHE", str(tmp_path))
    settings = replace(SHORT, num_seeds=1)
    first, _ = probe(bert(), [task(colours(40))], ("frozen",), settings)
    (file,) = (tmp_path / "probes").rglob("*.json")
    file.write_text(file.read_text()[:20])
    again, _ = probe(bert(), [task(colours(40))], ("frozen",), settings)
    assert again["tasks"]["toy"]["rungs"]["frozen"]["num_kept"] == 0
    assert without_times(again) == without_times(first)


def test_few_rows_are_seen_more_often():
    """250 steps of 32 rows are 8,000: once for 8,000 rows, ten times for 800; never less than 3 times, nor more than 20."""
    text = (("the red house", ""), 1.0)
    for num_train, epochs in ((8000, 3), (800, 10), (799, 11), (300, 20), (20, 20)):
        climb = begin(bert(), replace(task([text]), train=task([text]).train * num_train), ProbeSettings(), "mean")
        assert (climb.epochs, climb.head_epochs) == (epochs, 30)
    assert replace(climb, settings=ProbeSettings(epochs=4)).epochs == 4
    assert replace(climb, settings=ProbeSettings(epochs=4)).head_epochs == 40


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """The last checkpoint of an encoder that the shipped recipe has made, a few steps and numbers small."""
    folder = tmp_path_factory.mktemp("masked")
    small = "model.new.width=32 model.new.depth=2 model.new.heads=2 train.max_steps=3 train.batch_tokens=512 train.precision=fp32"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIDACT_RUNS", str(folder))
        seen = didact(f"train {ROOT / 'recipes' / 'pretrain' / 'masked.yaml'} {small} --json")
    assert seen.code == 0, seen.err
    return next(folder.glob("*/checkpoints/step_*"))


def test_a_run_is_probed_with_the_weights_and_tokens_of_its_training(pretrained):
    encoder = load_encoder(str(pretrained))
    whole, tokenizer = AutoModelForPreTraining.from_pretrained(pretrained).eval(), AutoTokenizer.from_pretrained(pretrained)
    read = read_texts(encoder, [("A village lies in the valley.", "It has a mill.")], 64)[0]
    first, second = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("A village lies in the valley.", "It has a mill."))
    assert read.ids == [tokenizer.cls_token_id, *first, tokenizer.sep_token_id, *second, tokenizer.sep_token_id]
    given = {"input_ids": torch.tensor([read.ids]), "token_type_ids": torch.tensor([read.types])}
    with torch.no_grad():
        assert torch.equal(encoder.network(**given).last_hidden_state, whole.bert(**given).last_hidden_state)
    loaded = dict(encoder.network.named_parameters())
    for name, weight in whole.bert.named_parameters():
        assert torch.equal(weight, loaded[name])


def test_that_the_head_of_a_pretraining_is_left_behind_is_no_news(pretrained, caplog):
    level = logging.get_verbosity()
    load_encoder(str(pretrained))
    assert "UNEXPECTED" not in caplog.text
    assert logging.get_verbosity() == level
    AutoModel.from_pretrained(pretrained)
    assert "UNEXPECTED" in caplog.text  # as transformers has it


def test_fine_tuning_is_that_of_a_plain_loop_of_transformers(pretrained, monkeypatch):
    """The same encoder, rows, orders and rates in a loop of torch with transformers' own classifier: the same answers.

    Its classifier stands on the pooler; with an identity in the pooler's place, and [CLS] as what stands for a text, it is ours.
    """
    encoder = load_encoder(str(pretrained))
    toy, settings = task(colours(120)), ProbeSettings(num_seeds=1, epochs=12, learning_rate=5e-3, batch_rows=8, pool="first", keep=False)
    begun = begin(encoder, toy, settings, "first")
    seen, heads = list[tuple[list[int], ...]](), list[dict]()

    from didact.evals import probe_rungs

    fit, whole = probe_rungs.fit, probe_rungs.new_head

    def heard(module, scores, answers, lengths, learning, **given):
        fit(module, lambda rows: seen.append(tuple(rows)) or scores(rows), answers, lengths, learning, **given)

    def made(*given):
        head = whole(*given)
        heads.append({name: weight.clone() for name, weight in head.state_dict().items()})
        return head

    monkeypatch.setattr(probe_rungs, "fit", heard)
    monkeypatch.setattr(probe_rungs, "new_head", made)
    monkeypatch.setattr(probe_rungs, "pick_precision", lambda *_: "fp32")
    _, rows = probe(encoder, [toy], ("tuned",), settings)

    model = BertForSequenceClassification.from_pretrained(pretrained, num_labels=2)
    model.bert.pooler = torch.nn.Module()
    model.bert.pooler.forward = lambda states: states[:, 0]
    model.classifier.load_state_dict(heads[0])
    groups = [
        {"params": [weight for weight in model.parameters() if (weight.ndim > 1) == is_matrix], "weight_decay": decay}
        for is_matrix, decay in ((True, 0.01), (False, 0.0))
    ]
    optimiser = torch.optim.AdamW(groups, lr=5e-3)

    def logits(sequences):
        longest = max(len(sequence.ids) for sequence in sequences)
        ids = torch.tensor([sequence.ids + [encoder.tokenizer.pad_token_id] * (longest - len(sequence.ids)) for sequence in sequences])
        mask = torch.tensor([[1] * len(sequence.ids) + [0] * (longest - len(sequence.ids)) for sequence in sequences])
        return model(input_ids=ids, attention_mask=mask).logits

    model.train()
    num_steps = len(seen)
    assert num_steps == 12 * 8  # 60 rows in batches of 8
    for step, batch in enumerate(seen):
        for group in optimiser.param_groups:
            group["lr"] = 5e-3 * pace(step, num_steps, 0.1)
        gold = torch.tensor([int(toy.train[place].gold) for place in batch])
        loss = cross_entropy(logits([begun.train[place] for place in batch]), gold)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()
    with torch.no_grad():
        said = [("no", "yes")[place] for place in logits(begun.judged).argmax(1).tolist()]
    assert [row.completion for row in rows] == said
    assert set(said) == {"no", "yes"}
    assert list(itertools.islice(seen, 8)) != list(itertools.islice(seen, 8, 16))  # another order every epoch
