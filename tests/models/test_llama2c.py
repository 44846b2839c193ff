"""The converted models say what llama2.c says, and their tokenizers give its ids."""

import random
import re
from itertools import pairwise

import pytest
import torch
from llama2c import FIRST_PIECE, convert, read_pieces
from transformers import AutoModelForCausalLM, AutoTokenizer

STORIES, BABY = ("stories260K", "stories260K.bin", "tok512.bin"), ("babyllama_tok105", "model5000.bin", "tok105.model")

TEXTS = [
    "Once upon a time, there was a little girl named Lily.",
    "Lily's mom said, \"Lily, let's go to the park.\"\n\nThey went.",
    "",
    " ",
    "two  spaces   three",
    " leads and trails ",
    "naïve café 東京 🦊 ▁",
    "1234567890 ~!@#$%^&*()",
    "\t<0x0A> tab and a byte's name",
]


@pytest.fixture(scope="module")
def folders(shared, tmp_path_factory):
    made = {}
    for name, weights, tokenizer in (STORIES, BABY):
        made[name] = tmp_path_factory.mktemp(name)
        convert(shared / "models" / name / weights, shared / "models" / name / tokenizer, made[name])
    return made


@pytest.fixture(scope="module")
def pieces(shared):
    return read_pieces((shared / "models" / "stories260K" / "tok512.bin").read_bytes())


def merged_by_score(text, pieces):
    """llama2.c's way: a space, the characters or their bytes, then again and again the leftmost pair of the best score."""
    ids = {piece: number for number, (piece, _) in enumerate(pieces)}
    tokens = [1]
    for character in f" {text}" if text else "":
        tokens += [ids[character]] if character in ids else [byte + 3 for byte in character.encode()]
    while True:
        pairs = [pieces[a][0] + pieces[b][0] for a, b in pairwise(tokens)]
        scores = [pieces[ids[pair]][1] if pair in ids else -1e10 for pair in pairs]
        if not scores or max(scores) == -1e10:
            return tokens
        best = scores.index(max(scores))
        tokens[best : best + 2] = [ids[pairs[best]]]


def written(folder, max_new_tokens):
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    tokens = model.generate(torch.tensor([[tokenizer.bos_token_id]]), max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=0)[0]
    return tokenizer.decode(tokens, skip_special_tokens=True)


def test_stories260k_writes_the_text_that_its_authors_print(folders, shared):
    page = (shared / "models" / "stories260K" / "stories260K.md").read_text(encoding="utf-8")
    expected = re.search(r"-t 0\.0\n(.*?)\n```", page, re.DOTALL)[1]
    assert len(expected) > 500
    # run.c makes 256 tokens unless told otherwise.
    assert written(folders["stories260K"], 256).rstrip("\n") == expected


def test_babyllama_begins_a_story(folders):
    # Character by character; the samples on its authors' pages begin in the same way.
    assert written(folders["babyllama_tok105"], 54) == "Once upon a time, there was a little girl named Lily."


@pytest.mark.parametrize(("name", "documented"), [("stories260K", 1.2968), ("babyllama_tok105", 0.7366)])
def test_the_loss_on_stories_is_near_the_one_that_the_authors_report(folders, shared, name, documented):
    # Nats per token over their validation set; five stories differ from it by chance (measured: 1.24 and 0.61).
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folders[name]), AutoTokenizer.from_pretrained(folders[name])
    page = (shared / "text" / "tinystories_tiny_sample" / "tinystories_sample.txt").read_text(encoding="utf-8")
    losses = []
    for story in (part.strip() for part in page.split("<|endoftext|>") if part.strip()):
        ids = torch.tensor([tokenizer(story).input_ids[:256]])
        with torch.no_grad():
            losses.append(model(input_ids=ids, labels=ids).loss.item())
    assert len(losses) == 5
    assert sum(losses) / 5 == pytest.approx(documented, abs=0.2)


@pytest.mark.parametrize(("name", "millions"), [("stories260K", 0.26), ("babyllama_tok105", 0.94)])
def test_the_folders_hold_the_weights_that_their_authors_count(folders, name, millions):
    model = AutoModelForCausalLM.from_pretrained(folders[name])
    assert model.num_parameters() / 1e6 == pytest.approx(millions, abs=0.005)
    assert model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    assert {path.name for path in folders[name].iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }


@pytest.mark.parametrize("text", TEXTS)
def test_stories260k_has_the_ids_of_llama2c(folders, pieces, text):
    assert AutoTokenizer.from_pretrained(folders["stories260K"])(text).input_ids == merged_by_score(text, pieces)


def test_stories260k_has_the_ids_of_llama2c_for_any_row_of_its_pieces(folders, pieces):
    tokenizer, draw = AutoTokenizer.from_pretrained(folders["stories260K"]), random.Random(0)
    known = [piece for piece, _ in pieces[FIRST_PIECE:]]
    for _ in range(300):
        text = "".join(draw.choices(known, k=draw.randint(1, 12)))
        assert tokenizer(text).input_ids == merged_by_score(text, pieces), text


@pytest.mark.parametrize("text", TEXTS)
def test_stories260k_reads_back_what_it_wrote(folders, text):
    tokenizer = AutoTokenizer.from_pretrained(folders["stories260K"])
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


def test_a_story_of_stories260k_is_short_in_tokens(folders):
    # Counted by hand: "Once upon a time," is <s>, Once, upon, a, time and the comma.
    tokenizer = AutoTokenizer.from_pretrained(folders["stories260K"])
    assert tokenizer.convert_ids_to_tokens(tokenizer("Once upon a time,").input_ids) == ["<s>", " Once", " upon", " a", " time", ","]


# No byte pieces here: an unknown character is <unk>.
@pytest.mark.parametrize("text", [*TEXTS[:6], "naïve café 東京 🦊", "<0x0A> is a byte's name"])
def test_babyllama_has_the_ids_of_sentencepiece(folders, shared, text):
    sentencepiece = pytest.importorskip("sentencepiece")
    reference = sentencepiece.SentencePieceProcessor(model_file=str(shared / "models" / "babyllama_tok105" / "tok105.model"))
    assert AutoTokenizer.from_pretrained(folders["babyllama_tok105"])(text).input_ids == [1, *reference.encode(text)]


@pytest.mark.parametrize("name", ["stories260K", "babyllama_tok105"])
def test_the_tokenizers_know_where_a_text_begins_and_ends(folders, name):
    tokenizer = AutoTokenizer.from_pretrained(folders[name])
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.is_fast) == (1, 2, True)
