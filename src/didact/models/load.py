"""Models with their tokenizer and chat format: a base from the hub, a folder or nothing; a tuned one from its checkpoint."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import GenerationConfig
from transformers.utils import logging

from didact.base.errors import ModelError
from didact.base.recipe import ModelSection
from didact.data.tokens import Tokeniser
from didact.models.adapter import (
    check_adapter,
    inject,
    merge,
    print_of_base,
    restore,
    save_adapter,
)
from didact.models.adapter_card import Adapter, is_adapter, read_adapter, where_base_is
from didact.models.architecture import NEW, Architecture, architecture_of, check_objective
from didact.models.bundled import bundled, portable
from didact.models.new_model import new_model
from didact.models.prefix import mark_prefix, sees_prefix
from didact.models.pretrained import config_of, empty_model, fit_embeddings, positions_of, pretrained
from didact.models.quantised import Quantise
from didact.models.saved_format import save_tokeniser, saved_tokeniser
from didact.models.soft_prompt import add_virtual_tokens, first_words
from didact.models.tokenizer import chat_format_named, load_tokenizer, make_ready, train_tokenizer
from didact.models.untrained_rows import begin_untrained
from didact.prompts.virtual_tokens import virtual_ids, with_virtual_tokens

logging.disable_progress_bar()  # ours tells the whole story


@dataclass(frozen=True)
class Loaded:
    """A model that can be tuned, asked and saved."""

    model: Any
    """A transformers model with a language modelling head, weights in float32."""
    tokeniser: Tokeniser
    new_controls: tuple[str, ...] = ()
    """Control tokens that the base had never seen; their embeddings begin as the mean of all others."""
    new_rows: tuple[int, ...] = ()
    """Tokens that the base had no trained row for: those, and others of the tokenizer that its table was too short for."""
    adapter: Adapter | None = None
    """What is trained in place of the model's own weights, which are then frozen."""

    @property
    def architecture(self) -> Architecture:
        """What the model is; it decides how it is trained and asked."""
        return architecture_of(self.model.config)

    @property
    def start_id(self) -> int | None:
        """The token that an encoder-decoder's decoder starts from; None for the others."""
        return self.model.config.decoder_start_token_id if self.architecture == "encoder_decoder" else None

    @property
    def num_parameters(self) -> int:
        """Weights of the model, shared ones once."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def num_trained(self) -> int:
        """Weights that training changes."""
        return sum(parameter.numel() for parameter in self.model.parameters() if parameter.requires_grad)


def load_tokeniser(
    section: ModelSection, chat_format: str, texts: Callable[[], Iterable[str]], controls: Sequence[str] = ()
) -> tuple[Tokeniser, tuple[str, ...]]:
    """Returns the tokeniser that a recipe names, without its model, and the control tokens that are new to it.

    Args:
        section: The recipe's `model`.
        chat_format: The recipe's `prompts.chat_format`.
        texts: Gives the seen texts, for a tokenizer that has to be trained.
        controls: The control tokens that the recipe's objective needs, from `objective_controls`.
    """
    name = section.tokenizer or (None if section.base == "new" else section.base)
    revision = section.revision if section.tokenizer is None else None
    tokenizer = load_tokenizer(name, revision) if name else train_tokenizer(texts(), section.new.vocabulary, section.new.tokenizer)
    form = chat_format_named(chat_format, tokenizer)
    new = make_ready(tokenizer, form, controls)
    if section.adapter.kind == "prompt":
        add_virtual_tokens(tokenizer, section.adapter.num_virtual_tokens)
        form = with_virtual_tokens(form, section.adapter.num_virtual_tokens)
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
        return Loaded(new_model(section.new, tokeniser.tokenizer, positions, seed), tokeniser)
    model = _base(section.base, section.revision, section.adapter.quantise)
    rows = fit_embeddings(model, tokeniser, new_controls)
    return Loaded(model, tokeniser, new_controls, tuple(sorted({*rows, *begin_untrained(model, tokeniser, rows)})))


def _base(name: str, revision: str | None, quantise: Quantise) -> Any:
    """Returns a base's model; a checkpoint of an adapter is one too, merged."""
    if not is_adapter(Path(name)):
        return pretrained(name, revision, quantise)
    if quantise != "none":
        what = f"model.adapter.quantise is {quantise}, and '{name}' is an adapter: its base alone could be held so"
        raise ModelError(what, remedy="didact export RUN FOLDER, then model.base=FOLDER")
    return merged(load_checkpoint(Path(name), whole=True)).model


def adapted(loaded: Loaded, section: ModelSection, seed: int) -> Loaded:
    """Returns a base with the recipe's adapter in it, where the recipe has one: the model in `loaded` is changed in place.

    Args:
        loaded: From `load_base`.
        section: The recipe's `model`, as `load_base` had it.
        seed: The recipe's seed; the adapter's first weights are drawn from it.
    """
    if section.adapter.kind == "none":
        return loaded
    revision = section.revision or getattr(loaded.model.config, "_commit_hash", None)
    found, name = print_of_base(loaded.model, section.base, revision, section.adapter), portable(section.base)
    tokeniser = loaded.tokeniser
    virtual = virtual_ids(tokeniser.chat_format, tokeniser.controls)
    words = first_words(section.adapter, tokeniser, seed) if virtual else []
    inject(loaded.model, section.adapter, loaded.new_rows, seed, virtual, words)
    return replace(loaded, adapter=Adapter(section.adapter, name, revision, found, loaded.new_controls, loaded.new_rows, virtual))


def merged(loaded: Loaded) -> Loaded:
    """Returns a model with its adapter added to its weights, in place: `save` then writes an ordinary folder of transformers."""
    if loaded.adapter is not None:
        merge(loaded.model)
    return replace(loaded, adapter=None)


def check_fit(section: ModelSection, kind: str, max_length: int) -> None:
    """Looks up, without the base's weights, whether it can be trained as the recipe says.

    Args:
        section: The recipe's `model`.
        kind: The recipe's `objective.kind`.
        max_length: The recipe's `sequence.max_length`.

    Raises:
        ModelError: The objective is for another architecture, the base was built for shorter sequences, it has no layers with the names
            of the adapter's targets, or there is no such model.
        PrerequisiteError: The recipe has an adapter, and peft is not installed.
    """
    if section.base == "new":
        check_objective(kind, NEW[section.new.architecture], f"model.new.architecture={section.new.architecture}")
    else:
        check_objective(kind, architecture_of(config_of(section.base, section.revision)), f"the model '{section.base}'")
    check_positions(section, max_length)
    check_adapter(section.adapter, section.base, kind, lambda: empty_model(config_of(section.base, section.revision)))


def check_positions(section: ModelSection, max_length: int) -> None:
    """Looks up how long a sequence the base was built for, without its weights.

    Raises:
        ModelError: It is shorter than `max_length`, or there is no such model.
    """
    known = section.new.positions if section.base == "new" else positions_of(config_of(section.base, section.revision))
    if known and known < max_length:
        what = f"sequence.max_length is {max_length}, and the model '{section.base}' was built for {known} tokens"
        raise ModelError(what, remedy=f"sequence.max_length={known}")


def save(loaded: Loaded, folder: Path, *, weights: bool = True) -> None:
    """Writes a folder that transformers can load: weights, tokenizer with the chat template, stop tokens, the format's fingerprint.

    Of a model with an adapter, the adapter is written and its base named.

    Args:
        loaded: What to write.
        folder: Where to.
        weights: False: all but the model's weights, which are in several processes and are written by them.
    """
    model, tokeniser = loaded.model, loaded.tokeniser
    if loaded.architecture != "encoder":  # they write nothing
        _set_generation(loaded)
    if loaded.adapter is None and weights:
        model.save_pretrained(folder, safe_serialization=True)
    elif loaded.adapter is None:
        model.config.architectures, model.config.dtype = [type(model).__name__], str(model.dtype).removeprefix("torch.")
        model.config.save_pretrained(folder)
        if model.can_generate():
            model.generation_config.save_pretrained(folder)
    else:
        save_adapter(model, loaded.adapter, folder)
        if loaded.architecture != "encoder":
            model.generation_config.save_pretrained(folder)
    save_tokeniser(tokeniser, folder)


def stop_ids(tokeniser: Tokeniser) -> list[int]:
    """Returns the tokens that end a completion: the chat format's own, and the end of text."""
    return list(dict.fromkeys([*tokeniser.stop_ids, *([tokeniser.eos_id] if tokeniser.eos_id is not None else [])]))


def _set_generation(loaded: Loaded) -> None:
    """Makes plain transformers begin and stop where the model was tuned to."""
    model, tokeniser = loaded.model, loaded.tokeniser
    try:
        model.generation_config.validate(strict=True)
    except ValueError:
        # Some bases come with sampling flags that contradict one another; transformers ignores them but would not write them.
        model.generation_config = GenerationConfig()
    config = model.generation_config
    config.eos_token_id = stop_ids(tokeniser)
    config.pad_token_id = tokeniser.tokenizer.pad_token_id
    config.bos_token_id = tokeniser.bos_id
    if virtual := virtual_ids(tokeniser.chat_format, tokeniser.controls):
        config.suppress_tokens = list(virtual)
    if loaded.architecture == "encoder_decoder":
        config.decoder_start_token_id = loaded.start_id
        # BART's files force a first and a last token that no training here has seen.
        config.forced_bos_token_id = config.forced_eos_token_id = None


def load_checkpoint(folder: Path, *, whole: bool = False) -> Loaded:
    """Returns a tuned model from its folder.

    Args:
        folder: What `save` wrote.
        whole: Hold a base that was quantised as its files have it, on any machine: to merge the adapter into it.

    Raises:
        ModelError: Files are missing, the chat format is no longer the one that the model was tuned with, or an adapter's base is gone
            or another one.
    """
    tokeniser = saved_tokeniser(folder)
    if not is_adapter(folder):
        return Loaded(pretrained(str(folder)), tokeniser)
    adapter = read_adapter(folder)
    base = bundled(where_base_is(adapter, folder))
    model = _base(base, adapter.revision, "none" if whole else adapter.settings.quantise)
    rows = fit_embeddings(model, tokeniser, adapter.new_controls)
    rows = tuple(sorted({*rows, *begin_untrained(model, tokeniser, rows, only=adapter.rows)}))
    restore(model, adapter, folder, base)
    mark_prefix(model, sees_prefix(config_of(str(folder), None)))
    return Loaded(model, tokeniser, adapter.new_controls, rows, adapter)
