"""Heads on encoders: what they read, what they learn, and what the ladder says about it."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from probe_toys import FAST, NO_YES, TOKENIZER, bert, colours, task
from sklearn.metrics import matthews_corrcoef
from tiny import MODELS, random_model
from tokenizers import processors
from transformers import BertConfig, BertForTokenClassification, T5Config, T5Model
from verbs import didact

from didact.base.errors import DataError, ModelError
from didact.base.types import Example, Prediction
from didact.evals.copies import copies
from didact.evals.over_seeds import difference_over_seeds, score_over_seeds
from didact.evals.probe import RUNGS, probe
from didact.evals.probe_data import ProbeTask, names_of, probe_task
from didact.evals.probe_encoder import Encoder, load_encoder, read_texts, untrained
from didact.evals.probe_head import features
from didact.evals.probe_rows import ProbeRow, kind_of, probe_rows
from didact.evals.word_vectors import own_features, read_vectors, text_features
from didact.tasks.benchmarks.reader import sample_tasks
from didact.tasks.benchmarks.registry import matching
from didact.tasks.suites import suite_score

CPU = torch.device("cpu")


def decoder() -> Encoder:
    config = replace_vocabulary(MODELS["llama"])
    return Encoder("tiny", random_model(config, scale=1.0).base_model.eval(), config, TOKENIZER, "decoder", 64)


def replace_vocabulary(config: object) -> object:
    return type(config)(**{**config.to_dict(), "vocab_size": len(TOKENIZER)})


def of_record(result: dict, rung: str) -> float:
    found = result["tasks"]["toy"]
    return float(found["rungs"][rung]["metrics"][found["metrics"][0]]["value"])


def test_an_encoder_learns_what_a_single_word_decides_and_the_majority_does_not():
    result, rows = probe(bert(), [task(colours())], RUNGS, FAST)
    assert list(result["tasks"]["toy"]["rungs"]) == list(RUNGS)
    assert of_record(result, "majority") == 50.0  # half of the judged rows say red
    assert {rung: of_record(result, rung) for rung in ("words", "frozen", "random", "tuned")} == dict.fromkeys(
        ("words", "frozen", "random", "tuned"), 100.0
    )
    # One majority and five rungs of two seeds, 40 judged rows each.
    assert len(rows) == 40 * (1 + 5 * 2)
    steps = result["tasks"]["toy"]["differences"]
    assert (steps[0]["from"], steps[0]["to"], steps[0]["value"]) == ("majority", "words", 50.0)


def test_the_same_seed_says_the_same_and_another_one_does_not_have_to():
    settings = replace(FAST, num_seeds=1, epochs=1)
    first, again = (probe(bert(), [task(colours(32), metrics=("matthews",))], ("frozen", "random", "tuned"), settings) for _ in range(2))
    assert [row.completion for row in first[1]] == [row.completion for row in again[1]]
    numbers = [((text, ""), float(place % 5)) for place, ((text, _), _) in enumerate(colours(32))]
    toy = task(numbers, "number", ("pearson",))
    said = [[row.completion for row in probe(bert(), [toy], ("tuned",), replace(settings, seed=seed))[1]] for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2]


def test_two_segments_are_compared():
    # `yes` where both say the same colour: neither segment alone tells.
    pairs = [(("the red house", "a red dog"), 1.0), (("the green house", "a green dog"), 1.0)]
    pairs += [(("the red house", "a green dog"), 0.0), (("the green house", "a red dog"), 0.0)]
    rows = [pair for pair in pairs * 8 for _ in range(2)]
    result, _ = probe(bert(), [task(rows)], ("majority", "words", "tuned"), replace(FAST, epochs=12))
    assert of_record(result, "majority") == 50.0
    assert of_record(result, "words") == 100.0  # |u - v| is 0 in `yes`'s word of colour
    assert of_record(result, "tuned") == 100.0


def test_a_head_gives_numbers_and_the_mean_of_the_training_rows_is_the_floor():
    rows = [((" ".join(["red"] * count + ["green"] * (5 - count)), ""), float(count)) for count in (0, 1, 2, 3, 4, 5) for _ in range(8)]
    toy = task(rows, "number", ("pearson", "spearman"))
    result, said = probe(bert(), [toy], ("majority", "words", "tuned"), replace(FAST, epochs=20))
    assert {row.completion for row in said if row.template == "probe/majority"} == {"2.500000"}
    floor = result["tasks"]["toy"]["rungs"]["majority"]["metrics"]["pearson"]
    assert (floor["value"], "undefined" in floor["note"]) == (0.0, True)
    assert of_record(result, "words") > 99  # the mean of vectors goes from red's to green's on a line
    assert of_record(result, "tuned") > 95


def test_every_option_of_a_row_gets_a_score_however_many_there_are():
    # The right option is the one that holds red; rows have two or three options, and it stands at every place.
    rows = []
    for number in range(60):
        options = ["the green house", "a red dog", "the old bird"][: 2 + number // 2 % 2]
        turned = options[number % len(options) :] + options[: number % len(options)]
        example = Example(str(number), {"question": "which?"}, ("a red dog",), tuple(turned))
        rows.append(ProbeRow(example, tuple(("which?", option) for option in turned), float(turned.index("a red dog"))))
    toy = ProbeTask("toy", "options", (), ("accuracy",), tuple(rows[::2]), tuple(rows[1::2]), "here", "here")
    for swapped in (toy, replace(toy, train=toy.judged, judged=toy.train)):
        result, said = probe(bert(), [swapped], ("majority", "words", "tuned"), FAST)
        assert of_record(result, "words") == of_record(result, "tuned") == 100.0
        assert {row.completion for row in said} <= {"the green house", "a red dog", "the old bird"}


@pytest.mark.parametrize("pool", ["mean", "first", "last"])
def test_what_else_is_in_a_batch_does_not_change_a_text(pool):
    for encoder in (bert(), decoder()):
        read = read_texts(encoder, [("the red house", "a dog"), ("a", ""), ("a dog runs to the green garden at night", "two three")], 64)
        together = features(encoder.network, encoder, read, pool, CPU, "fp32")
        alone = torch.cat([features(encoder.network, encoder, [row], pool, CPU, "fp32") for row in read])
        assert torch.allclose(together, alone, atol=1e-5)


def test_encoders_read_first_and_separator_tokens_and_decoders_two_lines():
    names = TOKENIZER.convert_ids_to_tokens
    pair = read_texts(bert(), [("cat", "dog")], 64)[0]
    assert [names(pair.ids)[place] for place in (0, len(pair.words[0]) + 1, -1)] == ["[CLS]", "[SEP]", "[SEP]"]
    assert pair.types == [0] * (len(pair.words[0]) + 2) + [1] * (len(pair.words[1]) + 1)
    alone = read_texts(bert(), [("cat", "")], 64)[0]
    assert (names(alone.ids)[0], names(alone.ids)[-1], set(alone.types)) == ("[CLS]", "[SEP]", {0})
    assert TOKENIZER.decode(read_texts(decoder(), [("cat", "dog")], 64)[0].ids) == "cat\ndog"


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_the_frame_is_that_of_a_tokenizer_with_one_of_its_own(family):
    own = deepcopy(TOKENIZER)
    last, first = ("[SEP]", own.sep_token_id), ("[CLS]", own.cls_token_id)
    of = {"bert": processors.BertProcessing(last, first), "roberta": processors.RobertaProcessing(last, first, trim_offsets=False)}
    own.backend_tokenizer.post_processor = of[family]
    pairs = [("the red house", "a dog"), ("a dog runs", "")]
    found = read_texts(replace(bert(), tokenizer=own), pairs, 64)
    expected = [own(first, second or None, return_token_type_ids=True) for first, second in pairs]
    assert [row.ids for row in found] == [one["input_ids"] for one in expected]
    if family == "bert":  # RoBERTa has one type alone, and is given none
        assert [row.types for row in found] == [one["token_type_ids"] for one in expected]


def test_a_network_of_transformers_with_a_head_of_its_own_says_the_same():
    config = BertConfig(**{**bert().config.to_dict(), "num_labels": 3})
    torch.manual_seed(0)
    reference = BertForTokenClassification(config).eval()
    encoder = replace(bert(), network=reference.bert)
    read = read_texts(encoder, [("the red house", "a dog"), ("a", "")], 64)
    padded = [row.ids + [TOKENIZER.pad_token_id] * (len(read[0].ids) - len(row.ids)) for row in read]
    types = [row.types + [0] * (len(read[0].ids) - len(row.ids)) for row in read]
    mask = [[1] * len(row.ids) + [0] * (len(read[0].ids) - len(row.ids)) for row in read]
    with torch.no_grad():
        # A linear head on each token's state is, at the first token, a linear head on the state of the first token.
        there = reference(torch.tensor(padded), torch.tensor(mask), torch.tensor(types)).logits[:, 0]
        here = reference.classifier(features(encoder.network, encoder, read, "first", CPU, "fp32"))
    assert torch.allclose(here, there, atol=1e-5)


def test_a_pair_that_is_too_long_loses_the_end_of_its_longer_segment():
    long, short = "the cat sleeps in the red house " * 9, "a dog"
    read = read_texts(bert(), [(long, short)], 32)[0]
    whole = read_texts(bert(), [(long, short)], 4096)[0]
    assert (len(read.ids), read.is_cut, whole.is_cut) == (32, True, False)
    assert read.words[1] == whole.words[1]
    assert read.words[0] == whole.words[0][: 32 - 3 - len(whole.words[1])]
    result, _ = probe(bert(), [task([((long, ""), float(number % 2)) for number in range(8)])], ("majority",), FAST)
    assert result["tasks"]["toy"]["num_cut"] == 8  # four to train on, four judged


def test_the_random_encoder_has_the_shape_of_the_other_and_a_seed_of_its_own():
    encoder = bert()
    shapes = [
        {name: tuple(weight.shape) for name, weight in network.named_parameters() if "pooler" not in name}
        for network in (encoder.network, untrained(encoder, 1))
    ]
    assert shapes[0] == shapes[1]
    first, again, other = (untrained(encoder, seed).get_input_embeddings().weight for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
def test_a_saved_model_is_loaded_without_its_head_and_read(name, tmp_path):
    if name == "bert":
        bert().network.save_pretrained(tmp_path)
    elif name == "llama":
        random_model(replace_vocabulary(MODELS["llama"])).save_pretrained(tmp_path)
    else:
        config = T5Config(d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4, vocab_size=len(TOKENIZER), decoder_start_token_id=0)
        T5Model(config).save_pretrained(tmp_path)
    TOKENIZER.save_pretrained(tmp_path)
    encoder = load_encoder(str(tmp_path))
    assert (encoder.architecture, encoder.width) == ({"bert": "encoder", "llama": "decoder", "t5": "encoder_decoder"}[name], 32)
    result, _ = probe(encoder, [task(colours(24))], RUNGS, replace(FAST, num_seeds=1, epochs=1, learning_rate=None))
    assert result["pool"] == ("last" if name == "llama" else "mean")
    assert result["settings"]["learning_rate"] == 1e-3  # as large as it gets: 3e-5 for 110 million weights


def test_a_model_with_weights_missing_is_refused(tmp_path):
    network = bert().network
    weights = {name: weight for name, weight in network.state_dict().items() if "layer.1." not in name}
    network.save_pretrained(tmp_path, state_dict=weights)
    TOKENIZER.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="lacks 16 of the weights of BertModel"):
        load_encoder(str(tmp_path))


def test_vectors_of_a_file_are_read_for_the_words_that_are_asked(tmp_path):
    (tmp_path / "glove.txt").write_text("3 2\nRed 1 0\ngreen 0 1\nred 5 5\nblue 7 7\n")
    vectors = read_vectors(tmp_path / "glove.txt", {"red", "green", "house"})
    assert vectors.places == {"red": 0, "green": 1}  # the first spelling counts; blue was not asked for
    assert text_features(vectors, [("red green", ""), ("house", "")]).tolist() == [[0.5, 0.5], [0.0, 0.0]]
    assert vectors.known([("a red house", "")]) == pytest.approx(1 / 3)
    result, _ = probe(bert(), [task(colours())], ("words",), replace(FAST, vectors=tmp_path / "glove.txt"))
    assert of_record(result, "words") == 100.0
    (tmp_path / "torn.txt").write_text("red 1 0\ngreen 0 x\n")
    with pytest.raises(DataError, match="a number cannot be read"):
        read_vectors(tmp_path / "torn.txt", {"green"})
    with pytest.raises(DataError, match="none of 1 words has a vector"):
        read_vectors(tmp_path / "glove.txt", {"yellow"})


def test_the_encoders_own_vectors_are_means_of_its_rows():
    encoder = bert()
    read = read_texts(encoder, [("cat", "dog")], 64)
    table = encoder.network.get_input_embeddings().weight.detach()
    u, v = (table[read[0].words[side]].mean(0) for side in (0, 1))
    assert torch.allclose(own_features(encoder, read)[0], torch.cat([u, v, (u - v).abs(), u * v]))


def test_the_whole_of_a_suite_has_a_score():
    tasks = [probe_task(name, None, hub=False, seed=0, samples=True) for name in matching("superglue")]
    result, rows = probe(bert(), tasks, ("majority", "words"), replace(FAST, num_seeds=1, epochs=1, resamples=20))
    metrics = {name: task["rungs"]["majority"]["metrics"] for name, task in result["tasks"].items()}
    values = {name: {metric: one["value"] for metric, one in found.items()} for name, found in metrics.items()}
    assert result["suites"]["superglue"]["majority"] == pytest.approx(suite_score("superglue", values))
    assert set(result["suites"]) == {"superglue"}
    assert all(row.completion in row.choices for row in rows)


@pytest.mark.parametrize("name", [*matching("glue"), *matching("superglue")])
def test_every_task_of_both_suites_has_rows_for_a_head(name):
    found = probe_task(name, None, hub=False, seed=0, samples=True)
    (own,) = sample_tasks(name)
    assert len(found.train) + len(found.judged) == len(own.examples)
    for row in (*found.train, *found.judged):
        assert all(first.strip() for first, _ in row.texts)
        if found.kind == "number":
            assert 0 <= row.gold <= 5
        else:
            choices = found.choices or row.example.choices
            assert choices[int(row.gold)] in row.example.targets
            assert len(row.texts) == (len(choices) if found.kind == "options" else 1)


def test_free_answers_are_for_other_verbs():
    with pytest.raises(DataError, match="free text"):
        kind_of(sample_tasks("squad")[0])
    with pytest.raises(DataError, match="no benchmark named 'glue/sst3'"):
        names_of(["glue/sst3"])


def test_rows_without_a_right_answer_are_counted():
    (rte,) = sample_tasks("superglue/rte")
    broken = replace(rte.examples[0], targets=("perhaps",))
    assert len(probe_rows(rte.replace([broken, *rte.examples[1:]]))) == len(rte.examples) - 1
    assert rte.report is not None
    assert rte.report.dropped == {"no answer that a head can give": 1}


def test_judged_rows_are_not_trained_on(tmp_path):
    folder = tmp_path / "SST-2"
    folder.mkdir()
    (folder / "train.tsv").write_text("sentence\tlabel\nso good\t1\nso bad\t0\nfine work\t1\n")
    (folder / "dev.tsv").write_text("sentence\tlabel\nso good\t1\nno fun\t0\n")
    found = probe_task("glue/sst2", copies(tmp_path), hub=False, seed=0)
    assert ([row.texts[0][0] for row in found.train], len(found.judged), found.num_leaked) == (["so bad", "fine work"], 2, 1)
    (folder / "dev.tsv").unlink()
    (folder / "train.tsv").write_text("sentence\tlabel\n" + "".join(f"film {number} is good\t1\n" for number in range(10)))
    alone = probe_task("glue/sst2", copies(tmp_path), hub=False, seed=0)
    assert (len(alone.train), len(alone.judged)) == (8, 2)  # one in five
    assert alone.judged_from.startswith("one in 5 of ")
    assert len(probe_task("glue/sst2", copies(tmp_path), hub=False, seed=0, limit=3).train) == 3


def said(letters: str, gold: str, groups: str = "") -> list[Prediction]:
    words = {"y": "yes", "n": "no"}
    return [
        Prediction("t", f"{i:03}", "", "", words[a], (words[b],), "stop", 0, choices=NO_YES, group=groups[i] if groups else "")
        for i, (a, b) in enumerate(zip(letters, gold, strict=True))
    ]


def test_the_score_over_seeds_is_the_mean_of_each_seeds_score():
    gold, runs = "yynnyynn" * 4, ["yyyynnnn" * 4, "yynnyynn" * 4, "yynnnnnn" * 4]
    found = score_over_seeds("matthews", [said(run, gold) for run in runs], resamples=300, seed=0)
    expected = [100 * matthews_corrcoef(list(gold), list(run)) for run in runs]
    assert np.allclose(found["seeds"], expected)
    assert found["value"] == pytest.approx(np.mean(expected))
    assert found["deviation"] == pytest.approx(np.std(expected, ddof=1))
    assert found["low"] < found["value"] < found["high"]


def test_the_interval_over_seeds_covers_the_truth():
    # Seeds differ around 70 % with a deviation of 3 points, rows are 200 draws each: how often does the interval hold 70?
    draw, hits = np.random.default_rng(0), 0
    for trial in range(150):
        shares = np.clip(draw.normal(0.7, 0.03, 5), 0, 1)
        gold = "y" * 200
        runs = [said("".join("y" if coin < share else "n" for coin in draw.random(200)), gold) for share in shares]
        found = score_over_seeds("accuracy", runs, resamples=100, seed=trial)
        hits += found["low"] <= 70 <= found["high"]
    assert (
        0.87 <= hits / 150 <= 1.0
    )  # rows are drawn together over seeds here but are independent: a little too wide, seeds a little too few


def test_a_difference_is_paired_and_changes_its_sign_with_the_order():
    gold = "yn" * 30
    worse, better = [said("y" * 60, gold)], [said(gold[:50] + "y" * 10, gold), said(gold, gold)]
    up = difference_over_seeds("matthews", worse, better, resamples=300, seed=0)
    down = difference_over_seeds("matthews", better, worse, resamples=300, seed=0)
    assert up["value"] == pytest.approx(-down["value"])
    assert up["low"] > 50
    assert up["p"] == pytest.approx(1 / 301)
    same = difference_over_seeds("f1_binary", better, better, resamples=100, seed=0)
    assert (same["value"], same["p"]) == (0.0, 1.0)


def test_seeds_that_disagree_leave_nothing_shown():
    # One seed has all rows right, the other as many as before, 75 %: +12.5 on the mean, and other seeds may well bring nothing.
    gold = "yn" * 100
    half, whole = said("yn" * 50 + "y" * 100, gold), said(gold, gold)
    found = difference_over_seeds("accuracy", [half, half], [whole, half], resamples=400, seed=0)
    assert (found["value"], found["low"]) == (12.5, 0.0)
    assert found["p"] > 0.2  # a quarter of all draws takes the second seed twice; by rows alone p would be 1 / 401
    sure = difference_over_seeds("accuracy", [half, half], [whole, whole], resamples=400, seed=0)
    assert sure["p"] == pytest.approx(1 / 401)


def test_rows_of_a_group_are_drawn_and_exchanged_together():
    # Two groups that the models answer alike inside: 2 of 4 exchanges are as far out, so p is near one half.
    gold, groups = "y" * 8, "aaaabbbb"
    found = difference_over_seeds("accuracy", [said("n" * 8, gold, groups)], [said("y" * 8, gold, groups)], resamples=800, seed=0)
    assert found["value"] == 100.0
    assert found["p"] == pytest.approx(0.5, abs=0.06)


def test_what_every_seed_said_can_be_counted_again(tmp_path, here):
    seen = didact(f"probe last glue/sst2 --samples --seeds 2 --epochs 1 --out {tmp_path / 'rows.jsonl'}")
    assert seen.code == 0, seen.err
    assert "no measure of anything" in seen.err
    assert seen.out.splitlines()[0].split()[:4] == ["task", "rung", "metric", "rows"]
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 2 * (1 + 2)  # two judged rows, a majority and two seeds


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("probe last glue/sst3 --samples", 1, "did you mean 'glue/sst2'?"),
        ("probe last squad --samples", 1, "free text"),
        ("probe nowhere glue/sst2 --samples", 1, "no run is named 'nowhere'"),
        ("probe last glue/sst2 --samples --pool middle", 2, "one of: mean, first, last"),
        ("probe last glue/sst2 --samples --vectors v.txt", 2, "add --ladder"),
        ("probe last glue/sst2 --data empty", 1, "no such folder: empty"),
    ],
)
def test_what_cannot_be_probed_says_what_to_type(here, monkeypatch, command, code, said):
    monkeypatch.setattr("didact.evals.gather.hub_answers", lambda: False)
    seen = didact(command)
    assert (seen.code, seen.out) == (code, "")
    assert said in seen.err


def test_real_rows_are_found_in_a_folder_of_copies(shared: Path):
    found = probe_task("glue/cola", copies(shared), hub=False, seed=0)
    assert (len(found.train) + found.num_leaked, len(found.judged)) == (8551, 1043)  # both domains
