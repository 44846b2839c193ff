"""Adapters: small matrices beside a model's frozen weights, or a trained prompt, put into the model itself: nothing else knows of them.

A checkpoint of one holds what was trained and names its base. Its two files are peft's own, so peft can read them too.

Source: Hu et al. 2021, arXiv 2106.09685 (LoRA); Kalajdzievski 2023, arXiv 2312.03732 (alpha / √rank);
Liu et al. 2024, arXiv 2402.09353 (DoRA); Dettmers et al. 2023, arXiv 2305.14314, section 4 (all linear layers rather than two).
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn.utils import parametrize
from transformers.pytorch_utils import Conv1D

from didact.base.chance import seed_of
from didact.base.errors import ModelError, missing_extra
from didact.base.files import fingerprint, write_json
from didact.base.recipe import AdapterSection
from didact.data.prepare import CONVERSATIONS
from didact.models.adapter_card import CARD, Adapter
from didact.models.architecture import Architecture, architecture_of
from didact.models.quantised import check_quantise, files_fingerprint
from didact.models.soft_prompt import merge_prompt, put_prompt, reader, soft_prompt
from didact.models.targets import linear_layers, targets_of

WEIGHTS = "adapter_model.safetensors"
_PREFIX, _ROWS, _PROMPT = "base_model.model.", ".token_adapter.trainable_tokens_delta", "prompt_embeddings"
"""peft's names."""
_TASKS: dict[Architecture, str | None] = {"decoder": "CAUSAL_LM", "encoder_decoder": "SEQ_2_SEQ_LM", "encoder": None}
_SAMPLE = 32


class _Rows(torch.nn.Module):
    """Rows of an embedding table that are trained while the rest of it is not; every layer that shares the table shares them."""

    def __init__(self, table: torch.Tensor, ids: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("ids", torch.tensor(ids, dtype=torch.int64), persistent=False)
        self.rows = torch.nn.Parameter(table.detach()[list(ids)].clone())

    def forward(self, table: torch.Tensor) -> torch.Tensor:
        """Returns the table with these rows in it, (V, width)."""
        ids: torch.Tensor = self.get_buffer("ids")
        if torch.is_grad_enabled():
            return table.index_copy(0, ids, self.rows)
        table.index_copy_(0, ids, self.rows)  # nothing of the base stood there, and a copy for every token written would be slow
        return table


def check_adapter(settings: AdapterSection, base: str, objective: str, skeleton: Any) -> None:
    """Looks whether a base can have this adapter, before anything costs.

    Args:
        settings: The recipe's `model.adapter`.
        base: The recipe's `model.base`.
        objective: The recipe's `objective.kind`.
        skeleton: Returns the model without weights.

    Raises:
        ModelError: It cannot.
        PrerequisiteError: The extra `adapters`, or bitsandbytes, is not installed.
    """
    if settings.kind == "none":
        return
    if base == "new":
        raise ModelError(
            f"model.adapter.kind is {settings.kind}, and model.base is new: beside frozen weights drawn at random nothing is learnt",
            remedy="model.adapter.kind=none, or model.base=... (a folder, a hub id, a bundled base)",
        )
    check_quantise(settings.quantise)
    if settings.kind == "prompt":
        if objective not in CONVERSATIONS:
            raise ModelError(
                f"model.adapter.kind is prompt, which stands before conversations, and objective.kind {objective} is for plain text",
                expected=f"objective.kind one of: {', '.join(CONVERSATIONS)}",
                remedy="model.adapter.kind=lora",
            )
        return
    _peft()
    targets_of(skeleton(), settings.targets)


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise missing_extra("training an adapter", "adapters") from None
    return peft


def inject(
    model: Any,
    settings: AdapterSection,
    rows: Sequence[int],
    seed: int,
    virtual: Sequence[int] = (),
    words: Sequence[int] = (),
) -> None:
    """Puts a new adapter into a model, in place; everything else is frozen. The model says what it said before, up to rounding.

    Args:
        model: A transformers model.
        settings: The recipe's `model.adapter`.
        rows: Tokens that the base has never seen.
        seed: The recipe's seed.
        virtual: The tokens of a trained prompt.
        words: The tokens that they begin as.
    """
    tables = _tables(model)
    model.__dict__["own_frozen"] = [parameter for parameter in model.parameters() if not parameter.requires_grad]
    if settings.kind == "prompt":
        model.requires_grad_(False)
        put_prompt(model, virtual, words)
    else:
        peft, names = _peft(), targets_of(model, settings.targets)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "initial weights", "adapter"))
            peft.inject_adapter_in_model(_config(peft, model, settings, names), model)
    for table in tables.values():
        if settings.train_embeddings == "all":
            table.requires_grad_(True)
        elif settings.train_embeddings == "auto" and len(rows):
            shared = [module for module in model.modules() if module._parameters.get("weight") is table]
            made = _Rows(table, rows).to(table.device)
            for module in shared:
                parametrize.register_parametrization(module, "weight", made)


def _config(peft: Any, model: Any, settings: AdapterSection, names: list[str]) -> Any:
    """Returns the settings as peft has them. New rows are left out: peft would train them in a head without its bias."""
    layers = linear_layers(model)
    return peft.LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        use_rslora=settings.rslora,
        use_dora=settings.kind == "dora",
        target_modules=names,
        fan_in_fan_out=all(isinstance(layers[name], Conv1D) for name in names),
        task_type=_TASKS[architecture_of(model.config)],
    )


def _tables(model: Any) -> dict[str, torch.nn.Parameter]:
    """Returns the embedding tables by their layer's name: that of the input, and that of the head where it is another one."""
    prompt = soft_prompt(model)
    first: Any = prompt.inner if prompt is not None and reader(model) is model else model.get_input_embeddings()
    layers = [layer for layer in (first, model.get_output_embeddings()) if layer is not None]
    names = {module: name for name, module in model.named_modules()}
    found: dict[str, torch.nn.Parameter] = {}
    for layer in layers:
        table = layer.parametrizations.weight.original if parametrize.is_parametrized(layer) else layer.weight
        if not any(table is other for other in found.values()):
            found[names[layer]] = table
    return found


def trained(model: Any) -> dict[str, torch.Tensor]:
    """Returns what is trained in a model with an adapter, by the names that peft's files give it."""
    if (prompt := soft_prompt(model)) is not None:
        names = {_PROMPT: prompt.rows.detach()}
    else:
        found = _peft().get_peft_model_state_dict(model, save_embedding_layers=False)
        names = {_PREFIX + name: tensor for name, tensor in found.items()}
    for name in _tables(model):
        layer = model.get_submodule(name)
        if parametrize.is_parametrized(layer):
            names[_PREFIX + name + _ROWS] = layer.parametrizations.weight[0].rows.detach()
        elif layer.weight.requires_grad:
            names[f"{_PREFIX}{name}.weight"] = layer.weight.detach()
    return names


def save_adapter(model: Any, adapter: Adapter, folder: Path) -> None:
    """Writes what was trained, and what it belongs to."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = trained(model)
    save_file({name: tensor.contiguous().cpu() for name, tensor in sorted(tensors.items())}, folder / WEIGHTS, {"format": "pt"})
    config = _prompt_config(model) if soft_prompt(model) is not None else model.peft_config["default"].to_dict()
    config |= {"base_model_name_or_path": adapter.base, "revision": adapter.revision, "inference_mode": True}
    config = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    if "target_modules" in config:
        tables = [name.removesuffix(_ROWS).removeprefix(_PREFIX) for name in tensors if name.endswith(_ROWS)]
        config["trainable_token_indices"] = {name: list(adapter.rows) for name in tables} or None
    config["modules_to_save"] = [name for name in _tables(model) if f"{_PREFIX}{name}.weight" in tensors] or None
    if soft_prompt(model) is None or len(tensors) == 1:  # peft has no trained prompt with rows of other tokens beside it
        write_json(folder / "adapter_config.json", config)
    model.config.save_pretrained(folder)
    beside = os.path.relpath(adapter.base, folder.resolve()) if Path(adapter.base).is_absolute() else ""
    write_json(folder / CARD, {**asdict(adapter), "settings": adapter.settings.model_dump(mode="json"), "beside": beside})


def _prompt_config(model: Any) -> dict[str, Any]:
    """Returns the settings of a trained prompt as peft has them; it puts the rows before the text by itself."""
    rows = next(tensor for name, tensor in trained(model).items() if name == _PROMPT)
    sizes = {"num_virtual_tokens": len(rows), "token_dim": rows.shape[1], "num_transformer_submodules": 1}
    return {"peft_type": "PROMPT_TUNING", "task_type": _TASKS[architecture_of(model.config)], "prompt_tuning_init": "RANDOM", **sizes}


def restore(model: Any, adapter: Adapter, folder: Path, base: str) -> None:
    """Puts a saved adapter into the base that it was trained beside, in place, bit for bit.

    Args:
        model: The base.
        adapter: What the folder says of the adapter.
        folder: Where it is saved.
        base: Where the base is, from `where_base_is`.

    Raises:
        ModelError: It is another base, or the adapter's weights are torn or do not fit.
    """
    if (found := print_of_base(model, base, adapter.revision, adapter.settings)) != adapter.fingerprint:
        raise ModelError(
            f"the model '{adapter.base}' is not the one that this adapter was trained beside",
            where=str(folder / CARD),
            expected=f"weights with the fingerprint {adapter.fingerprint}, found {found}",
            remedy="put the base back, or write where it is now into base: of that file",
        )
    inject(model, adapter.settings, adapter.rows, 0, adapter.virtual, [0] * len(adapter.virtual))
    try:
        saved = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise _torn(folder, str(error)) from None
    own = trained(model)
    shapes, wanted = ({name: tuple(tensor.shape) for name, tensor in table.items()} for table in (saved, own))
    if wrong := [name for name in sorted({*shapes, *wanted}) if shapes.get(name) != wanted.get(name)]:
        name = wrong[0]
        raise _torn(folder, f"{name} has the shape {shapes.get(name)}, not {wanted.get(name)}")
    for name, tensor in own.items():
        tensor.copy_(saved[name])


def _torn(folder: Path, why: str) -> ModelError:
    return ModelError(f"the adapter's weights do not fit: {why}", where=str(folder / WEIGHTS), remedy="take another checkpoint of the run")


def merge(model: Any) -> None:
    """Adds an adapter to the weights beside it, in place: what is left is an ordinary model that says the same, up to rounding.

    Raises:
        ModelError: The sum is not a number.
    """
    for name, module in [(name, module) for name, module in model.named_modules() if hasattr(module, "lora_A")]:
        try:
            module.merge(safe_merge=True)
        except ValueError as error:
            raise ModelError(f"the adapter cannot be merged into {name}: {error}", remedy="take an earlier checkpoint") from None
        model.set_submodule(name, module.get_base_layer())
    with torch.no_grad():
        for module in [module for module in model.modules() if parametrize.is_parametrized(module, "weight")]:
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
            # The weight stands last now; an optimiser's state knows its weights by their order.
            for other in [other for other in module._parameters if other != "weight"]:
                module._parameters[other] = module._parameters.pop(other)
    merge_prompt(model)
    model.__dict__.pop("peft_config", None)
    frozen = model.__dict__.pop("own_frozen")
    for parameter in model.parameters():
        parameter.requires_grad_(not any(parameter is other for other in frozen))


def print_of_base(model: Any, name: str, revision: str | None, settings: AdapterSection) -> str:
    """Returns what a base is recognised by: its weights, or its files where the weights are held in 4 bits."""
    return base_fingerprint(model) if settings.quantise == "none" else files_fingerprint(name, revision)


def base_fingerprint(model: Any) -> str:
    """Returns 16 digits that change when another model, or another state of it, stands there; a few numbers of each matrix count."""
    tables = _tables(model).values()
    seen = []
    for name, parameter in model.named_parameters():
        if any(parameter is table for table in tables) or parameter.ndim < 2:
            continue  # embeddings have grown; a head's bias too
        flat = parameter.detach().reshape(-1)
        seen.append([name, list(parameter.shape), flat[:: max(len(flat) // _SAMPLE, 1)][:_SAMPLE].tolist()])
    return fingerprint(seen)
