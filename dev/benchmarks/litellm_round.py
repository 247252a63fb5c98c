"""A round of a rival's: 64 clients share a cap of $1; run in a fresh process each.

`PYTHON litellm_round.py WAY` with the interpreter of an environment that has litellm;
WAY is budget-manager or router. Each call costs $0.05, and the model behind it, which
is none, takes 200 ms. Prints as JSON what was spent.
"""

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no download
CLIENTS, CAP, COST, WAIT_S = 64, 1.0, 0.05, 0.2
TOKENS = 10  # what an answer that it makes up itself is said to have used
MOST = 20  # calls of one client
MODEL = "openai/race-model"
PRICE = {
    "input_cost_per_token": COST / TOKENS,
    "output_cost_per_token": 0.0,
    "litellm_provider": "openai",
    "mode": "chat",
}


def budget_manager(litellm: Any) -> float:
    """Ask the manager before each call and tell it after, as its documents do."""
    litellm.register_model({MODEL: PRICE, MODEL.partition("/")[2]: PRICE})
    manager = litellm.BudgetManager(project_name="race", client_type="local")
    manager.create_budget(total_budget=CAP, user="race", duration="daily")
    usage = litellm.Usage(prompt_tokens=TOKENS, completion_tokens=0)
    answer = litellm.ModelResponse(model=MODEL, usage=usage)

    def client(_: int) -> int:
        made = 0
        while made < MOST and manager.get_current_cost("race") < CAP:
            time.sleep(WAIT_S)
            manager.update_cost(completion_obj=answer, user="race")
            made += 1
        return made

    with ThreadPoolExecutor(CLIENTS) as threads:
        made = sum(threads.map(client, range(CLIENTS)))
    assert abs(manager.get_current_cost("race") - made * COST) < COST / 2
    return made * COST


def router(litellm: Any) -> float:
    """Let its router hold the provider's budget."""
    return asyncio.run(_routed(litellm))


async def _routed(litellm: Any) -> float:
    routed = litellm.Router(
        model_list=[
            {
                "model_name": "race",
                "litellm_params": {
                    "model": MODEL,
                    "api_key": "none",
                    "mock_response": "x",
                    "mock_delay": WAIT_S,
                    "input_cost_per_token": PRICE["input_cost_per_token"],
                    "output_cost_per_token": 0.0,
                },
            }
        ],
        provider_budget_config={"openai": {"budget_limit": CAP, "time_period": "1d"}},
        num_retries=0,
    )
    messages = [{"role": "user", "content": "x"}]

    async def client() -> float:
        spent = 0.0
        for _ in range(MOST):
            try:
                answer = await routed.acompletion("race", messages=messages)
            except Exception as error:  # of whatever kind it has
                if "budget" not in str(error).lower():
                    raise
                return spent
            spent += answer._hidden_params["response_cost"]  # noqa: SLF001 - only there
        return spent

    return sum(await asyncio.gather(*(client() for _ in range(CLIENTS))))


WAYS = {"budget-manager": budget_manager, "router": router}


def main() -> None:
    import litellm

    litellm.suppress_debug_info = True
    print(json.dumps({"spent": WAYS[sys.argv[1]](litellm), "cap": CAP}))


if __name__ == "__main__":
    main()
