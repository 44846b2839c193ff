"""A model over several processes: whole in each of them, or a part of every weight, gradient and moment in each (FSDP2).

Sharded checkpoints are written by all processes: every tensor is put together in turn and kept by one of them, so that none ever
holds more than its share and one tensor. The files are those that transformers reads, so any number of processes can go on.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from didact.base.errors import RecipeError
from didact.base.files import write_json
from didact.base.recipe import TrainSection
from didact.models.lean_layers import layers_of

INDEX, WEIGHTS, MOMENTS = "model.safetensors.index.json", "model", "optimizer"


def shards(settings: TrainSection, processes: int) -> bool:
    """Says whether weights are spread over the processes; one process has nobody to share with.

    Raises:
        RecipeError: The optimiser cannot work on parts of a weight.
    """
    if settings.shard and processes > 1 and settings.optimizer == "adafactor":
        what = "train.optimizer is adafactor, which needs whole matrices, and train.shard gives each process a part of them"
        raise RecipeError(what, remedy="train.optimizer=adamw, or train.shard=false")
    return settings.shard and processes > 1


def spread(loss_of: Any, accelerator: Accelerator, *, shard: bool, adapts: bool = False) -> Any:
    """Returns the module to call in training: the same losses and gradients, from all processes together.

    Call it before the optimiser is made: sharding puts other parameters into the model.

    Args:
        loss_of: The module that has the model in it, and takes what the model is given. Its own forward pass is the outermost one, so
            the head, which may be fed apart from the body, has its weights together while it lasts.
        accelerator: Knows the processes.
        shard: Give each a part of every weight.
        adapts: The model is frozen beside an adapter: the model is spread, and the adapter, which is small, stays whole.
    """
    if accelerator.num_processes == 1:
        return loss_of
    device = accelerator.device
    if not shard:
        return DistributedDataParallel(loss_of, device_ids=[accelerator.local_process_index] if device.type == "cuda" else None)
    mesh = init_device_mesh(device.type, (accelerator.num_processes,))
    left_whole = {parameter for parameter in loss_of.parameters() if parameter.requires_grad} if adapts else set()
    for module in (*layers_of(loss_of), loss_of):
        fully_shard(module, mesh=mesh, ignored_params=left_whole)
    return loss_of


def unsynced(module: Any, last: bool) -> AbstractContextManager[object]:
    """Returns the context of a micro-batch: gradients are summed over processes behind the last one.

    Sharded ones are summed behind every one: held back, they would be whole in every process.
    """
    held: AbstractContextManager[object] = module.no_sync() if isinstance(module, DistributedDataParallel) and not last else nullcontext()
    return held


def average_left_whole(module: Any, accelerator: Accelerator) -> None:
    """Averages, over the processes, the gradients that neither kind of spreading has: those of an adapter beside a model in shards."""
    if accelerator.num_processes == 1 or isinstance(module, DistributedDataParallel):
        return
    own = [p for p in module.parameters() if p.requires_grad and not isinstance(p, DTensor)]
    if not own:
        return
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in own]
    mean = accelerator.reduce(torch.cat([gradient.reshape(-1) for gradient in gradients]), "mean")
    for parameter, part in zip(own, mean.split([p.numel() for p in own]), strict=True):
        parameter.grad = part.view_as(parameter)


def gradient_norm(parameters: Iterable[torch.nn.Parameter]) -> torch.Tensor:
    """Returns the norm of all gradients together, over all shards."""
    return whole(torch.nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None]))


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """Returns a tensor put together from its shards; all processes have to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def as_spread(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Returns this process's part of a tensor, where it has a part of `like`; else the tensor."""
    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    """Returns a model's weights by name, shared ones once, as `save_pretrained` names them."""
    found: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    tied = {id(tensor): name for name, tensor in model.named_parameters()}  # the name that shared weights go by
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen and tied.get(id(tensor), name) == name:
            seen.add(id(tensor))
            found[name] = tensor.detach()
    return found


def write_parts(folder: Path, stem: str, tensors: Mapping[str, torch.Tensor], rank: int, processes: int) -> dict[str, str]:
    """Writes this process's part of some tensors, whole ones, and returns in which file each of all of them is.

    Args:
        folder: The same for all processes.
        stem: How the files' names begin.
        tensors: The same names in the same order in every process.
        rank: Which process this is.
        processes: How many there are.
    """
    owners = owned([tensor.numel() for tensor in tensors.values()], processes)
    names = [f"{stem}-{number + 1:05d}-of-{processes:05d}.safetensors" for number in range(processes)]
    mine: dict[str, torch.Tensor] = {}
    for (name, tensor), owner in zip(tensors.items(), owners, strict=True):
        full = whole(tensor)
        if owner == rank:
            mine[name] = full.contiguous().cpu()
    if mine:
        save_file(mine, folder / names[rank], {"format": "pt"})
    return {name: names[owner] for name, owner in zip(tensors, owners, strict=True)}


def owned(sizes: Iterable[int], processes: int) -> list[int]:
    """Returns which process keeps each tensor: the one with the least so far.

    >>> owned([5, 1, 2, 3], 2)
    [0, 1, 1, 1]
    """
    load, owners = [0] * processes, list[int]()
    for size in sizes:
        owners.append(load.index(min(load)))
        load[owners[-1]] += size
    return owners


def write_index(folder: Path, files: Mapping[str, str], tensors: Mapping[str, torch.Tensor]) -> None:
    """Writes where transformers finds each weight."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": dict(sorted(files.items()))})


def each_moment(optimiser: torch.optim.Optimizer) -> Iterator[tuple[str, torch.Tensor]]:
    """Yields the optimiser's tensors as `parameter.moment`, in an order that is the same in every process."""
    states = optimiser.state_dict()["state"]
    for index in sorted(states):
        for key in sorted(states[index]):
            yield f"{index}.{key}", states[index][key]
