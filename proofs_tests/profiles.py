# SPDX-License-Identifier: Apache-2.0
"""How hard Hypothesis tries: ``ci`` is the same on every run, ``thorough`` is random and twenty times as long.

``mutant`` is ``ci`` with a tenth of the examples and without shrinking: with a fault planted, that a test fails is all
that matters.
"""

from hypothesis import HealthCheck, Phase, settings

THOROUGH_FACTOR = 20
DEFAULT_EXAMPLES = 100


def register() -> None:
    """Defines the profiles. None has deadlines: a loaded machine must not fail a true property."""
    # claim_scope only notes text, so sharing one instance between examples is harmless. Explaining a failure means
    # tracing every line from then on, which makes shrinking it several times as slow.
    phases = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink)
    harmless = [HealthCheck.function_scoped_fixture]
    shared = settings(deadline=None, print_blob=True, suppress_health_check=harmless, phases=phases)
    settings.register_profile("ci", shared, derandomize=True, max_examples=DEFAULT_EXAMPLES)
    settings.register_profile("thorough", shared, max_examples=THOROUGH_FACTOR * DEFAULT_EXAMPLES)
    without_shrinking = (Phase.explicit, Phase.generate)
    tenth = DEFAULT_EXAMPLES // 10
    settings.register_profile("mutant", settings.get_profile("ci"), max_examples=tenth, phases=without_shrinking)


def is_thorough() -> bool:
    """Whether the run is asked for everything, whatever it takes."""
    return settings.get_current_profile_name() == "thorough"


def examples(count: int) -> int:
    """``max_examples`` for a test whose default is not the profile's: ``@settings(max_examples=examples(30))``."""
    return count * THOROUGH_FACTOR if is_thorough() else count
