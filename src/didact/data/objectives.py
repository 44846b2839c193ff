"""From roles to loss weights: weighted instruction tuning.

Roles are stored with the tokens, weights are applied here, at collation: one tokenised row serves every (λp, λr).
"""

import numpy as np

from didact.base.recipe import Objective
from didact.data.tokens import PROMPT, RESPONSE


def loss_weights(roles: np.ndarray, objective: Objective) -> np.ndarray:
    """Returns the weight of each token as a target, float32 (T,): λp for prompts, λr for responses, 0 for ignored ones.

    The first token of a row is nobody's target, so its weight is 0 whatever its role.

    Args:
        roles: uint8 (T,), see `TokenisedExample`.
        objective: The recipe's section.

    Source: WIT, arXiv 2507.07817, Eq. 2.

    >>> loss_weights(np.array([1, 1, 2, 2]), Objective(prompt_weight=0.25)).tolist()
    [0.0, 0.25, 1.0, 1.0]
    """
    table = np.array([0.0, objective.prompt_weight, objective.response_weight], np.float32)
    weights = table[roles]
    if objective.train_on == "last":
        weights[(roles == RESPONSE) & (np.arange(len(roles)) < last_response(roles))] = table[PROMPT]
    weights[:1] = 0.0
    return np.asarray(weights, np.float32)


def last_response(roles: np.ndarray) -> int:
    """Returns where the last response begins; the length where there is none.

    >>> last_response(np.array([1, 2, 2, 1, 2, 2, 1]))
    4
    """
    inside = np.flatnonzero(roles == RESPONSE)
    if not len(inside):
        return len(roles)
    breaks = np.flatnonzero(np.diff(inside) > 1)
    return int(inside[breaks[-1] + 1] if len(breaks) else inside[0])
