"""Clients that answer as they are told to."""

from dataclasses import dataclass, field
from typing import Any

from llm_cost_ops.requests import Request


@dataclass
class Desk:
    """Stands in for the client: answers in turn, the last for ever."""

    answers: list[Any]
    asked: list[Any] = field(default_factory=list)

    def send_once(self, request: Request[Any], *, timeout: float) -> Any:
        self.asked.append(request.body)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
