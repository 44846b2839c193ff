"""The teacher that a recipe names: a server, a model in this process, or a fake."""

from didact.base.errors import RecipeError
from didact.base.synth_section import Teacher
from didact.models.endpoint import Endpoint
from didact.synth.backend import Backend
from didact.synth.fake import SCRIPTS, Fake, Faults
from didact.synth.remote import Remote


def backend_of(teacher: Teacher, seed: int = 0) -> Backend:
    """Returns who answers; a server is not asked anything yet.

    Args:
        teacher: The recipe's `teacher`.
        seed: A fake's faults are drawn from it.

    Raises:
        RecipeError: The address, the script or a fault's name is wrong.
        PrerequisiteError: The environment does not hold the key.

    >>> backend_of(Teacher()).address
    'fake:'
    """
    if teacher.backend == "endpoint":
        endpoint = Endpoint(teacher.url, key_env=teacher.key_env or None, timeout_s=teacher.timeout_s)
        return Remote(endpoint, teacher.model)
    if teacher.backend == "fake":
        # The script's name goes along, so that another one's answers are not taken for this one's.
        return Fake(SCRIPTS[teacher.script], Faults(teacher.faults, seed=seed), latency_s=teacher.latency_s, model=f"fake {teacher.script}")
    raise RecipeError("no model can be asked in this process yet", remedy="transformers serve, and teacher.backend=endpoint")
