"""The verb `models compare`: what the rule would say of any two bundles, with nothing recorded."""

from dataclasses import dataclass
from datetime import date

from londonpump.domain.errors import BadFile, BadValue
from londonpump.evaluation.promotion.evidence import Verdict
from londonpump.lifecycle.challenge import ChallengeRequest
from londonpump.lifecycle.champion_challenger import judge_pair, judged_from, open_pair, require_same_origin
from londonpump.lifecycle.prepared_examples import load_examples
from londonpump.lifecycle.progress import Progress, silent
from londonpump.registry.registry import open_registry
from londonpump.settings import Settings


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """Two bundles side by side; nothing is recorded. first stands where a champion would."""

    first: str
    second: str
    judged_from: date
    verdict: Verdict


def compare(
    settings: Settings, names: tuple[str, str], request: ChallengeRequest, progress: Progress = silent
) -> ComparisonResult:
    """What the rule would say if the second challenged the first. Raises: as `challenge`."""
    with open_registry(settings) as registry:
        first, second = (registry.store.find(name).resolve() for name in names)
    if first.name == second.name:
        raise BadValue("BUNDLE", second.name, "is named twice. Name two")
    progress("Trying both models in fresh processes", 0.0)
    one, other = open_pair((first, date.min), (second, date.min), request.smoke_tester)
    for opened in (one, other):
        if opened is not None and opened.bundle is None:
            raise BadFile(opened.name, str(opened.smoke_test.problem), "Name another, or train again.")
    progress("Judging both", 0.3)
    start = judged_from(one, other)
    examples = load_examples(request.data, start)
    require_same_origin(one, other, examples)
    verdict = judge_pair(one, other, examples, request.today, request.rule_of(settings))
    progress("Done", 1.0)
    return ComparisonResult(first.name, second.name, start, verdict)
