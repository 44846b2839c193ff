"""Models with their tokenizer and chat format: a base from the hub, a folder or nothing; a tuned one from its checkpoint."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, GPT2Config, LlamaConfig
from transformers.utils import logging

from didact.base.chance import seed_of
from didact.base.errors import ModelError
from didact.base.files import fingerprint, write_json
from didact.base.recipe import ModelSection, NewModel
from didact.data.tokens import Tokeniser
from didact.models.tokenizer import chat_format_named, load_tokenizer, make_ready, train_tokenizer
from didact.prompts.chat_format import format_fingerprint, golden
from didact.prompts.jinja_export import chat_template

FORMAT_FILE = "chat_format.json"
_NOT_LOADABLE = (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError)
logging.disable_progress_bar()  # ours tells the whole story


@dataclass(frozen=True)
class Loaded:
    """A model that can be tuned, asked and saved."""

    model: Any
    """A transformers causal language model, weights in float32."""
    tokeniser: Tokeniser
    new_controls: tuple[str, ...] = ()
    """Control tokens that the base had never seen; their embeddings begin as the mean of all others."""

    @property
    def num_parameters(self) -> int:
        """Weights of the model, shared ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())


def load_tokeniser(section: ModelSection, chat_format: str, texts: Callable[[], Iterable[str]]) -> tuple[Tokeniser, tuple[str, ...]]:
    """Returns the tokeniser that a recipe names, without its model, and the control tokens that are new to it.

    Args:
        section: The recipe's `model`.
        chat_format: The recipe's `prompts.chat_format`.
        texts: Gives the seen texts, for a tokenizer that has to be trained.
    """
    name = section.tokenizer or (None if section.base == "new" else section.base)
    revision = section.revision if section.tokenizer is None else None
    tokenizer = load_tokenizer(name, revision) if name else train_tokenizer(texts(), section.new.vocabulary)
    form = chat_format_named(chat_format, tokenizer)
    new = make_ready(tokenizer, form)
    return Tokeniser(tokenizer, form), tuple(new)


def load_base(section: ModelSection, tokeniser: Tokeniser, new_controls: tuple[str, ...], *, positions: int, seed: int) -> Loaded:
    """Returns the base model that a recipe names, or a new one.

    Args:
        section: The recipe's `model`.
        tokeniser: Its tokeniser, from `load_tokeniser`.
        new_controls: Control tokens that were added to it.
        positions: Longest sequence of a new model, in tokens.
        seed: The recipe's seed; a new model's weights are drawn from it.

    Raises:
        ModelError: Nothing loadable is there.
    """
    if section.base == "new":
        return Loaded(_new_model(section.new, tokeniser, positions, seed), tokeniser)
    model = _pretrained(section.base, section.revision)
    _fit_embeddings(model, tokeniser, new_controls)
    return Loaded(model, tokeniser, new_controls)


def check_positions(section: ModelSection, max_length: int) -> None:
    """Looks up how long a sequence the base was built for, without its weights.

    Raises:
        ModelError: It is shorter than `max_length`, or there is no such model.
    """
    if section.base == "new":
        known = section.new.positions
    else:
        config = _config(section.base, section.revision).get_text_config()
        known = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if known and known < max_length:
        what = f"sequence.max_length is {max_length}, and the model '{section.base}' was built for {known} tokens"
        raise ModelError(what, remedy=f"sequence.max_length={known}")


def _config(name: str, revision: str | None) -> Any:
    try:
        return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except _NOT_LOADABLE as error:
        raise _no_model(name, error) from None


def _no_model(name: str, error: Exception) -> ModelError:
    remedy = "check model.base: a hub id (needs the network), a folder, or new"
    if Path(name).is_dir():
        remedy = "the folder needs config.json and model.safetensors"
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return ModelError(f"no model could be loaded from '{name}': {reason}", remedy=remedy)


def _pretrained(name: str, revision: str | None = None) -> Any:
    config = _config(name, revision)
    options: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        model, told = AutoModelForCausalLM.from_pretrained(name, config=config, revision=revision, **options)
    except _NOT_LOADABLE as error:
        raise _no_model(name, error) from None
    # transformers draws at random what the file lacks, and goes on.
    lacking = sorted(told["missing_keys"])
    if lacking:
        what = f"'{name}' lacks {len(lacking)} of the weights of {type(model).__name__}: {', '.join(lacking[:3])}"
        raise ModelError(what, expected="a causal language model, complete", remedy="set model.base to one")
    return model


def _new_model(shape: NewModel, tokeniser: Tokeniser, positions: int, seed: int) -> Any:
    heads = shape.heads or max(shape.width // 64, 1)
    if shape.width % heads:
        raise ModelError(
            f"width {shape.width} is not a multiple of {heads} heads", remedy="set model.new.heads to a divisor of model.new.width"
        )
    if shape.architecture == "llama" and shape.width // heads % 2:
        raise ModelError(
            f"width {shape.width} gives each of {heads} heads {shape.width // heads} numbers, and llama turns them in pairs",
            remedy="set model.new.heads so that model.new.width / heads is even",
        )
    tokenizer = tokeniser.tokenizer
    common = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    positions = shape.positions or positions
    if shape.architecture == "llama":
        config: Any = LlamaConfig(
            hidden_size=shape.width,
            intermediate_size=-(-shape.width * 8 // 3 // 64) * 64,
            num_hidden_layers=shape.depth,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=positions,
            vocab_size=len(tokenizer),
            tie_word_embeddings=True,
            **common,
        )
    else:
        none = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
        config = GPT2Config(
            n_embd=shape.width, n_layer=shape.depth, n_head=heads, n_positions=positions, vocab_size=len(tokenizer), **none, **common
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, "initial weights"))
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32)


def _fit_embeddings(model: Any, tokeniser: Tokeniser, new_controls: tuple[str, ...]) -> None:
    """Gives new tokens their rows: the mean of the rows that were trained, so that nothing random enters."""
    num_rows, num_tokens = model.get_input_embeddings().weight.shape[0], len(tokeniser.tokenizer)
    known = min(num_tokens - len(new_controls), num_rows)
    if num_tokens > num_rows:
        model.resize_token_embeddings(num_tokens, mean_resizing=False)
    ids = sorted({*(tokeniser.controls[name] for name in new_controls), *range(num_rows, num_tokens)})
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            for table in (getattr(layer, "weight", None), getattr(layer, "bias", None)):
                if ids and table is not None:
                    table[ids] = table[:known].mean(dim=0)


def save(loaded: Loaded, folder: Path) -> None:
    """Writes a folder that transformers can load: weights, tokenizer with the chat template, stop tokens, the format's fingerprint."""
    model, tokeniser = loaded.model, loaded.tokeniser
    stops = list(dict.fromkeys([*tokeniser.stop_ids, *([tokeniser.eos_id] if tokeniser.eos_id is not None else [])]))
    try:
        model.generation_config.validate(strict=True)
    except ValueError:
        # Some bases come with sampling flags that contradict one another; transformers ignores them but would not write them.
        model.generation_config = GenerationConfig()
    model.generation_config.eos_token_id = stops
    model.generation_config.pad_token_id = tokeniser.tokenizer.pad_token_id
    model.generation_config.bos_token_id = tokeniser.bos_id
    model.save_pretrained(folder, safe_serialization=True)
    form, tokenizer = tokeniser.chat_format, tokeniser.tokenizer
    if form.name != "model":
        names = {"bos": tokenizer.bos_token or "", "eos": tokenizer.eos_token or ""}
        tokenizer.chat_template = chat_template(form, **names, adds_bos=tokeniser.adds_bos)
    tokenizer.save_pretrained(folder)
    write_json(folder / FORMAT_FILE, format_card(tokeniser))


def format_card(tokeniser: Tokeniser) -> dict[str, Any]:
    """Returns what a checkpoint says of its chat format: name, stop tokens, and a fingerprint of pieces, ids and vocabulary."""
    form = tokeniser.chat_format
    conversation = golden()
    example = tokeniser.tokenise([conversation], 10_000)[0] or tokeniser.tokenise([golden(system=False)], 10_000)[0]
    ids = example.input_ids.tolist() if example else []
    return {
        "name": form.name,
        "stop": [tokeniser.tokenizer.convert_ids_to_tokens(number) for number in tokeniser.stop_ids],
        "stop_ids": list(tokeniser.stop_ids),
        "fingerprint": fingerprint(
            format_fingerprint(form), ids, list(tokeniser.stop_ids), sorted(tokeniser.tokenizer.get_vocab().items())
        ),
        "golden": tokeniser.tokenizer.decode(ids),
    }


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        card = None
    if not isinstance(card, dict) or not {"name", "fingerprint", "golden"} <= card.keys():
        raise ModelError("not a chat format that didact wrote", where=str(path), remedy="restore that file from a copy of the checkpoint")
    return card


def load_checkpoint(folder: Path) -> Loaded:
    """Returns a tuned model from its folder.

    Raises:
        ModelError: Files are missing, or the chat format is no longer the one that the model was tuned with.
    """
    path = folder / FORMAT_FILE
    if not path.is_file():
        raise ModelError(f"no {FORMAT_FILE} in {folder}", expected="a checkpoint that didact wrote", remedy="didact ls runs")
    card = _read_card(path)
    tokenizer = load_tokenizer(str(folder))
    tokeniser = Tokeniser(tokenizer, chat_format_named(card["name"], tokenizer))
    now = format_card(tokeniser)
    if now["fingerprint"] != card["fingerprint"]:
        raise ModelError(
            f"chat format '{card['name']}' no longer writes what this model was tuned on",
            where=str(path),
            expected=f"fingerprint {card['fingerprint']}, found {now['fingerprint']}; tuned on {card['golden']!r}, now {now['golden']!r}",
            remedy="restore the checkpoint's tokenizer files, or train again with: didact train RECIPE",
        )
    return Loaded(_pretrained(str(folder)), tokeniser)
