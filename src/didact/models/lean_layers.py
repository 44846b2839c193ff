"""Norms, gated layers and GELUs that keep less for the way back and read memory less often: the same layers, written as one step each.

transformers writes them out operation by operation, and each keeps its own copy: an RMS norm in front of three products keeps two
float32 tensors and three casts of the second one, a gated layer four wide ones, GPT-2's GELU four. Here a norm keeps what came in and
hands out, where only products follow, what they would have cast it to; a gated layer keeps what its two products gave, a GELU what it got.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from transformers.modeling_layers import GradientCheckpointingLayer

_TOLERANCE = 1e-5
"""Largest difference that is rounding, relative to the largest number."""
_MANY = 256
"""Numbers on which something without weights is asked, five times."""
_SILU, _TANH, _ERF = "silu", "tanh", "none"
_KINDS = {
    "SiLU": _SILU,
    "SiLUActivation": _SILU,
    "GELUTanh": _TANH,
    "PytorchGELUTanh": _TANH,
    "NewGELUActivation": _TANH,
    "GELUActivation": _ERF,
    "GELU": _ERF,
}
"""What bends the gate, by its class."""
_WRITTEN_OUT = ("NewGELUActivation", "FastGELUActivation")
"""What transformers writes out though torch has it as one step, rounded once and not at every operation."""
_GATED = (("gate_proj", "up_proj", "down_proj", "act_fn"), ("wi_0", "wi_1", "wo", "act"))
"""What Llama's relatives call the parts of a gated layer, and what T5's do."""


class _RmsNorm(torch.autograd.Function):
    """x / sqrt(mean x² + ε) · weight. Source: Zhang and Sennrich 2019, arXiv 1910.07467."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float, dtype: torch.dtype) -> torch.Tensor:
        squares = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        scale = squares.div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return torch.mul(x, scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, None, None]:
        x, weight, scale = ctx.saved_tensors
        normed = x * scale
        weighted = torch.mul(grads[0], weight)
        # dx = scale · (g·w − normed · mean(g·w·normed)). Not as a product with a vector, whose last bits hang on where the weight lies.
        given = weighted.addcmul_(normed, (weighted * normed).mean(-1, keepdim=True), value=-1).mul_(scale)
        to_weight = normed.mul_(grads[0]).flatten(0, -2).sum(0) if ctx.needs_input_grad[1] else None
        return given, to_weight, None, None


class _Gated(torch.autograd.Function):
    """bend(gate) · up. Source: Shazeer 2020, arXiv 2002.05202."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor, kind: str) -> torch.Tensor:
        ctx.save_for_backward(gate, up)
        ctx.kind = kind
        return _bent(gate, kind).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        gate, up = ctx.saved_tensors
        through = grads[0] * up
        if ctx.kind == _SILU:
            to_gate = torch.ops.aten.silu_backward(through, gate)
        else:
            to_gate = torch.ops.aten.gelu_backward(through, gate, approximate=ctx.kind)
        return to_gate, _bent(gate, ctx.kind).mul_(grads[0]), None


def _bent(gate: torch.Tensor, kind: str) -> torch.Tensor:
    return F.silu(gate) if kind == _SILU else F.gelu(gate, approximate=kind)


def layers_of(model: Any) -> list[Any]:
    """Returns the layers that a model repeats, those of an encoder before those of its decoder."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def make_lean(model: Any, logits: Callable[[], torch.Tensor] | None = None, *, asked: bool = True) -> int:
    """Rewrites the norms and gated layers of a model, in place, and returns how many of them; `make_plain` undoes it.

    Only what gives the same numbers is rewritten: each kind is asked on numbers that are drawn, and the norms within layers give half
    precision under autocast only where not one bit of the model's logits changes.

    Args:
        model: A transformers model in float32; what is in half precision is left as it is.
        logits: Returns the model's logits under autocast on a few tokens; None: it is not trained under autocast.
        asked: False for a model without numbers: what looks right is rewritten, and all norms within layers give half precision.
    """
    within = {id(part) for layer in layers_of(model) for part in layer.modules()}
    same, groups, count = dict[Any, Callable[..., Any] | None](), dict[str, list[Any]](), 0
    for name, part in model.named_modules():
        kind = type(part), _epsilon(part), tuple(parameter.shape for parameter in part.parameters())
        if kind not in same:
            same[kind] = _rewritten(part, asked=asked)
        forward = same[kind]
        if forward is None:
            continue
        part.forward, count = partial(forward, part), count + 1
        if forward.func is _norm and id(part) in within:  # type: ignore[attr-defined]
            groups.setdefault(name.rpartition(".")[2], []).append(part)
    wide = None if logits is None else logits()
    for norms in groups.values():
        for norm in norms:
            norm.narrow = not asked or logits is not None
        if logits is not None and wide is not None and not torch.equal(logits(), wide):
            for norm in norms:
                norm.narrow = False
    return count


def make_plain(model: Any) -> None:
    """Gives the layers of a model their own ways back."""
    for part in model.modules():
        if isinstance(part.__dict__.get("forward"), partial) and part.__dict__["forward"].func in _FORWARDS:
            del part.forward
            part.__dict__.pop("narrow", None)


def _norm(part: Any, x: torch.Tensor, *, one: float) -> torch.Tensor:
    if x.dtype != torch.float32 or part.weight.dtype != torch.float32:
        own: torch.Tensor = type(part).forward(part, x)
        return own
    device, weight = x.device.type, part.weight + one if one else part.weight
    half = getattr(part, "narrow", False) and torch.is_autocast_enabled(device)
    apply: Callable[..., torch.Tensor] = _RmsNorm.apply
    return apply(x, weight, _epsilon(part), torch.get_autocast_dtype(device) if half else x.dtype)


def _gated(part: Any, x: torch.Tensor, *, names: tuple[str, ...], kind: str) -> torch.Tensor:
    gate, up, down = (getattr(part, name) for name in names[:3])
    apply: Callable[..., torch.Tensor] = _Gated.apply
    mixed = apply(gate(x), up(x), kind)
    result: torch.Tensor = down(part.dropout(mixed) if hasattr(part, "dropout") else mixed)
    return result


def _gelu(part: Any, x: torch.Tensor) -> torch.Tensor:
    return F.gelu(x, approximate=_TANH)


_FORWARDS = (_norm, _gated, _gelu)


def _rewritten(part: Any, *, asked: bool) -> Callable[..., Any] | None:
    """Returns the way that a part is rewritten, all but the part; None: it is left alone."""
    return next((way for way in _ways(part) if not asked or _agrees(part, way)), None)


def _ways(part: Any) -> Iterator[partial[Any]]:
    own = dict(part.named_parameters(recurse=False))
    if _epsilon(part) is not None and list(own) == ["weight"] and own["weight"].ndim == 1:
        yield partial(_norm, one=0.0)
        yield partial(_norm, one=1.0)  # Gemma keeps how far the weight is from 1
    if type(part).__name__ in _WRITTEN_OUT:
        yield partial(_gelu)
    for names in _GATED:
        if all(hasattr(part, name) for name in names) and type(getattr(part, names[3])).__name__ in _KINDS:
            yield partial(_gated, names=names, kind=_KINDS[type(getattr(part, names[3])).__name__])


def _epsilon(part: Any) -> float | None:
    found = getattr(part, "variance_epsilon", getattr(part, "eps", None))
    return found if isinstance(found, float) and "Norm" in type(part).__name__ else None


@torch.no_grad()
def _agrees(part: Any, way: partial[Any]) -> bool:
    """Says whether a part that is rewritten so gives what it gave, on numbers that are drawn."""
    draw = torch.Generator().manual_seed(0)
    if way.func is _norm:
        part = deepcopy(part)
        part.weight.copy_(torch.randn(part.weight.shape, generator=draw))  # all of them 1 would tell nothing of how they are used
        width = part.weight.shape[0]
    else:
        width = getattr(part, way.keywords["names"][0]).in_features if way.func is _gated else _MANY
    weight = next(part.parameters(), None)
    x = (2 * torch.randn((1, 5, width), generator=draw)).to(weight.device if weight is not None else "cpu")
    was_training = part.training
    part.eval()
    try:
        theirs, ours = type(part).forward(part, x), way(part, x)
    except (RuntimeError, TypeError, AttributeError):
        return False
    finally:
        part.train(was_training)
    return theirs.shape == ours.shape and bool((theirs - ours).abs().max() <= _TOLERANCE * theirs.abs().max())
