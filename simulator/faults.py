"""Faults on demand: refusals, HTTP errors, delays and dropped connections, before or after a call took effect."""

from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Rule(BaseModel):
    """One fault. It hits the first `times` matching calls, or each with probability `share`, or all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = "*"
    """Path below `/open_api/v1.3`, or `*` for all."""
    kind: Literal["throttle", "http", "code", "delay", "drop"]
    code: int = 50002
    """For `code`: what the envelope says."""
    message: str = "Service error. Please try again later."
    status: int = Field(default=500, ge=400, le=599)
    """For `http`."""
    seconds: float = Field(default=1.0, ge=0)
    """For `delay`."""
    up_to: float | None = Field(default=None, gt=0)
    """For `delay`, in place of `seconds`: each lasts anything up to so many, so that answers overtake one another."""
    when: Literal["before", "after"] = "before"
    """Whether the call takes effect first. A throttled call never does."""
    times: int | None = Field(default=None, ge=1)
    share: float | None = Field(default=None, gt=0, le=1)

    @model_validator(mode="after")
    def _one_amount(self) -> "Rule":
        if self.times is not None and self.share is not None:
            raise ValueError("give times or share, not both")
        if self.up_to is not None and self.kind != "delay":
            raise ValueError("only a delay has a length")
        if self.kind == "throttle" and self.when == "after":
            raise ValueError("a throttled call takes no effect")
        return self


class FaultPlan(BaseModel):
    """Body of POST /control/faults; replaces all earlier rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    rules: list[Rule] = []


class Faults:
    """Which fault hits which call. The same plan and order of calls gives the same faults."""

    def __init__(self, plan: FaultPlan | None = None) -> None:
        plan = plan or FaultPlan()
        self._rules = [
            (rule, Random(f"{plan.seed}/{index}"), [rule.times])  # noqa: S311 - repeatable on purpose
            for index, rule in enumerate(plan.rules)
        ]

    def hit(self, path: str) -> list[Rule]:
        """Rules that hit this call, in their order; nothing follows one that is not a delay."""
        hits: list[Rule] = []
        for rule, random, left in self._rules:
            if rule.path not in {"*", path}:
                continue
            if rule.share is not None:
                if random.random() >= rule.share:
                    continue
            elif left[0] is not None:
                if left[0] == 0:
                    continue
                left[0] -= 1
            if rule.up_to is not None:
                rule = rule.model_copy(update={"seconds": random.uniform(0, rule.up_to)})  # noqa: PLW2901 - as drawn
            hits.append(rule)
            if rule.kind != "delay":
                break
        return hits
