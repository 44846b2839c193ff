"""Real tokenizers and a real pre-trained model: the audit line holds for each family, and the model is tuned and talked with."""

import json
from pathlib import Path

import llama2c
import pytest
from verbs import didact

RECIPES = Path(__file__).parents[1] / "recipes"
FAMILIES = {
    "byte-level BPE": "tokenizers/gpt2",
    "sentencepiece BPE with byte fallback": "tokenizers/mistral/tokenizer.model.v1",
    "sentencepiece BPE with control tokens": "tokenizers/mistral/mistral_instruct_tokenizer_240323.model.v3",
    "llama2.c": "stories260K",
}
LOSSY = {"unigram": "tokenizers/seqio_t5_test/sentencepiece.model", "characters": "babyllama_tok105/tok105.model"}


@pytest.fixture(scope="module")
def stories(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories260K")
    source = shared / "models" / "stories260K"
    llama2c.convert(source / "stories260K.bin", source / "tok512.bin", folder)
    return folder


def audit(shared: Path, tokenizer: Path, chat_format: str, place: Path) -> dict:
    """What `didact check` says of 300 real Alpaca rows in this tokenizer."""
    rows = shared / "alpaca" / "alpaca_data_random_9k.json"
    source = f"[{{name: alpaca, reader: alpaca, path: {rows}, limit: 300}}]"
    model = f"model: {{base: new, tokenizer: {tokenizer}}}\nsequence: {{max_length: 4096}}"
    (place / "a.yaml").write_text(f"tasks: {{sources: {source}}}\nprompts: {{chat_format: {chat_format}}}\n{model}\n")
    seen = didact(f"check {place / 'a.yaml'} --json")
    assert seen.code == 0, seen.err
    return json.loads(seen.out)["audit"]


@pytest.mark.parametrize("chat_format", ["chatml", "plain"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_audit_of_real_rows_is_clean_for_every_family(shared, stories, family, chat_format, tmp_path):
    found = audit(shared, stories if family == "llama2.c" else shared / "models" / FAMILIES[family], chat_format, tmp_path)
    assert (found["num_answers"], found["terminator_trained"], found["num_double_bos"]) == (300, 1.0, 0)
    assert (found["num_characters_lost"], found["problems"]) == (0, [])
    assert 0.3 < found["supervised_share"] < 0.9


@pytest.mark.parametrize("family", LOSSY)
def test_the_audit_names_characters_that_a_tokenizer_cannot_write(shared, family, tmp_path):
    found = audit(shared, shared / "models" / LOSSY[family], "plain", tmp_path)
    assert (found["terminator_trained"], found["num_double_bos"]) == (1.0, 0)
    assert found["num_characters_lost"] >= sum(found["characters_lost"].values()) > 0  # the 50 most frequent are named
    assert "cannot write" in found["lines"][1]


def talk(stories: Path, place: Path, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> tuple[dict, str]:
    """Scores and an answer of the real model, tuned on who it is."""
    monkeypatch.setenv("DIDACT_RUNS", str(place))
    seen = didact(f"train {RECIPES / 'stories_identity.yaml'} model.base={stories} {' '.join(overrides)}")
    assert seen.code == 0, seen.err
    scores = json.loads(didact("eval last --json").out)["levels"]["held_in"]["overall"]["rouge_l"]
    return scores, json.loads(didact("chat last 'Who are you?' --json").out)["turns"][0]


def test_a_real_model_is_tuned_and_answers(stories, tmp_path, monkeypatch):
    scores, turn = talk(stories, tmp_path, monkeypatch, "train.max_steps=12", "evaluate.examples_per_task=4", "evaluate.max_new_tokens=24")
    assert scores["tuned"]["value"] > scores["base"]["value"]
    assert turn["answer"].strip()


@pytest.mark.slow
def test_a_real_model_tuned_to_the_end_says_who_it_is_and_stops(stories, tmp_path, monkeypatch):
    scores, turn = talk(stories, tmp_path, monkeypatch)
    assert scores["base"]["value"] < 20 < 80 < scores["tuned"]["value"]
    assert "Vicuna" in turn["answer"] and turn["stop"] == "stop"
