"""The README's examples, run one after the other as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

from llm_cost_ops import CostOpsClient

from tests.journeys.server import Server
from tests.sdk.provider import Provider
from tests.sdk.world import SDK

README = (SDK / "README.md").read_text()


def test_every_example_of_the_readme_works(
    server: Server, provider: Provider, tmp_path: Path
) -> None:
    key = server.manage("create_api_key", "readme", "--organization", "readme")
    examples = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    environment = {
        **os.environ,
        "PYTHONPATH": str(SDK),
        "XDG_STATE_HOME": str(tmp_path),
        "LCOPS_ENDPOINT": server.url,
        "LCOPS_API_KEY": key,
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{provider.url}/v1",
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": provider.url,
    }

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(examples)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert len(examples) == 11
    assert "5 records sent, 0 lost" in done.stdout
    assert "not_found" in done.stdout
    with CostOpsClient(server.url, key) as client:
        models = sorted(cost.model for cost in client.get_costs())
    assert models == [
        "claude-3-5-sonnet",
        "gpt-4o",
        "gpt-4o",
        "gpt-4o",
        "mistral-large",
        "text-embedding-3-small",
        "text-embedding-3-small",
    ]
