"""Adapters: small matrices beside a model's frozen weights, put into the model itself, so that nothing else has to know of them.

A checkpoint of one holds what was trained and names its base. Its two files are peft's own, so peft can read them too.

Source: Hu et al. 2021, arXiv 2106.09685 (LoRA); Kalajdzievski 2023, arXiv 2312.03732 (alpha / √rank);
Liu et al. 2024, arXiv 2402.09353 (DoRA); Dettmers et al. 2023, arXiv 2305.14314, section 4 (all linear layers rather than two).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn.utils import parametrize
from transformers.pytorch_utils import Conv1D

from didact.base.chance import seed_of
from didact.base.errors import ModelError, did_you_mean, missing_extra
from didact.base.files import fingerprint, write_json
from didact.base.recipe import AdapterSection
from didact.models.architecture import Architecture, architecture_of

CARD, WEIGHTS = "adapter.json", "adapter_model.safetensors"
_PREFIX, _ROWS = "base_model.model.", ".token_adapter.trainable_tokens_delta"
"""peft's names."""
_TASKS: dict[Architecture, str | None] = {"decoder": "CAUSAL_LM", "encoder_decoder": "SEQ_2_SEQ_LM", "encoder": None}
_SAMPLE = 32


@dataclass(frozen=True)
class Adapter:
    """What a checkpoint says of its adapter."""

    settings: AdapterSection
    base: str
    """The model that it belongs to: a bundled base, a folder or a hub id."""
    revision: str | None
    """Branch, tag or commit of a hub id."""
    fingerprint: str
    """Of the base's weights, embeddings left out."""
    new_controls: tuple[str, ...] = ()
    """Control tokens that the base had never seen."""
    rows: tuple[int, ...] = ()
    """Tokens whose embeddings are trained."""


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


def linear_layers(model: Any) -> dict[str, torch.nn.Module]:
    """Returns the linear layers by name, the output head left out."""
    head = model.get_output_embeddings()
    return {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D) and module is not head}


def targets_of(model: Any, targets: str | Sequence[str]) -> list[str]:
    """Returns the full names of the layers that get an adapter.

    Args:
        model: A transformers model; its weights are not looked at.
        targets: The recipe's `model.adapter.targets`: auto takes the linear layers of every block.

    Raises:
        ModelError: A name is the end of no linear layer's.
    """
    layers = linear_layers(model)
    in_blocks = [name for name in layers if any(part.isdigit() for part in name.split("."))]
    if targets == "auto":
        chosen, wrong = in_blocks, [] if in_blocks else ["auto"]
    else:
        found = {target: [name for name in layers if f".{name}".endswith(f".{target}")] for target in targets}
        wrong = [target for target, names in found.items() if not names] or ([] if found else ["[]"])
        wanted = {name for names in found.values() for name in names}
        chosen = [name for name in layers if name in wanted]
    if wrong:
        there = sorted({name.rpartition(".")[2] for name in in_blocks or layers})
        raise ModelError(
            f"model.adapter.targets: no linear layer of {type(model).__name__} is named '{wrong[0]}'",
            expected=f"one or more of: {', '.join(there)}" if there else did_you_mean(wrong[0], layers),
            remedy=f"model.adapter.targets=[{', '.join(there[:2])}], or auto" if there else "model.adapter.kind=none",
        )
    return chosen


def check_adapter(settings: AdapterSection, base: str, skeleton: Any) -> None:
    """Looks whether a base can have this adapter, before anything costs.

    Args:
        settings: The recipe's `model.adapter`.
        base: The recipe's `model.base`.
        skeleton: Returns the model without weights.

    Raises:
        ModelError: It cannot.
        PrerequisiteError: The extra `adapters` is not installed.
    """
    if settings.kind == "none":
        return
    if base == "new":
        raise ModelError(
            f"model.adapter.kind is {settings.kind}, and model.base is new: beside frozen weights drawn at random nothing is learnt",
            remedy="model.adapter.kind=none, or model.base=... (a folder, a hub id, a bundled base)",
        )
    _peft()
    targets_of(skeleton(), settings.targets)


def _peft() -> Any:
    try:
        import peft
    except ImportError:
        raise missing_extra("training an adapter", "adapters") from None
    return peft


def inject(model: Any, settings: AdapterSection, rows: Sequence[int], seed: int) -> None:
    """Puts a new adapter into a model, in place; everything else is frozen. The model says what it said before, up to rounding.

    Args:
        model: A transformers model.
        settings: The recipe's `model.adapter`.
        rows: Tokens that the base has never seen.
        seed: The recipe's seed.
    """
    peft = _peft()
    names = targets_of(model, settings.targets)
    tables = _tables(model)
    model.__dict__["own_frozen"] = [parameter for parameter in model.parameters() if not parameter.requires_grad]
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
    layers = [layer for layer in (model.get_input_embeddings(), model.get_output_embeddings()) if layer is not None]
    names = {module: name for name, module in model.named_modules()}
    found: dict[str, torch.nn.Parameter] = {}
    for layer in layers:
        table = layer.parametrizations.weight.original if parametrize.is_parametrized(layer) else layer.weight
        if not any(table is other for other in found.values()):
            found[names[layer]] = table
    return found


def trained(model: Any) -> dict[str, torch.Tensor]:
    """Returns what is trained in a model with an adapter, by the names that peft's files give it."""
    names = {_PREFIX + name: tensor for name, tensor in _peft().get_peft_model_state_dict(model, save_embedding_layers=False).items()}
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
    config = model.peft_config["default"].to_dict()
    config["target_modules"], config["inference_mode"] = sorted(config["target_modules"]), True
    config["base_model_name_or_path"], config["revision"] = adapter.base, adapter.revision
    tables = [name.removesuffix(_ROWS).removeprefix(_PREFIX) for name in tensors if name.endswith(_ROWS)]
    config["trainable_token_indices"] = {name: list(adapter.rows) for name in tables} or None
    config["modules_to_save"] = [name for name in _tables(model) if f"{_PREFIX}{name}.weight" in tensors] or None
    write_json(folder / "adapter_config.json", config)
    model.config.save_pretrained(folder)
    write_json(folder / CARD, {**asdict(adapter), "settings": adapter.settings.model_dump(mode="json")})


def is_adapter(folder: Path) -> bool:
    """Says whether a folder holds an adapter that didact wrote."""
    return (folder / CARD).is_file()


def read_adapter(folder: Path) -> Adapter:
    """Returns what a checkpoint says of its adapter.

    Raises:
        ModelError: Its card is torn.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        lists: dict[str, Any] = {name: tuple(card.pop(name)) for name in ("new_controls", "rows")}
        return Adapter(AdapterSection(**card.pop("settings")), **card, **lists)
    except (ValueError, TypeError, KeyError, AttributeError):
        remedy = "restore that file from a copy of the checkpoint"
        raise ModelError("not an adapter that didact wrote", where=str(folder / CARD), remedy=remedy) from None


def restore(model: Any, adapter: Adapter, folder: Path) -> None:
    """Puts a saved adapter into the base that it was trained beside, in place, bit for bit.

    Raises:
        ModelError: It is another base, or the adapter's weights are torn or do not fit.
    """
    if (found := base_fingerprint(model)) != adapter.fingerprint:
        raise ModelError(
            f"the model '{adapter.base}' is not the one that this adapter was trained beside",
            where=str(folder / CARD),
            expected=f"weights with the fingerprint {adapter.fingerprint}, found {found}",
            remedy="put the base back, or write where it is now into base: of that file",
        )
    inject(model, adapter.settings, adapter.rows, seed=0)
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
    del model.peft_config
    frozen = model.__dict__.pop("own_frozen")
    for parameter in model.parameters():
        parameter.requires_grad_(not any(parameter is other for other in frozen))


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
