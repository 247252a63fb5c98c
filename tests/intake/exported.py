"""Rows as other tools and providers export them."""

from typing import Any

LITELLM: dict[str, Any] = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.00010811999999999999,
    "total_tokens": 1100,
    "prompt_tokens": 1000,
    "completion_tokens": 100,
    "startTime": "2026-08-15 12:00:00.123",
    "endTime": "2026-08-15 12:00:02.5",
    "completionStartTime": "2026-08-15 12:00:01",
    "model": "gpt-4o",
    "model_id": "7a1",
    "model_group": "smart",
    "custom_llm_provider": "openai",
    "api_base": "https://api.openai.com",
    "user": "ada",
    "metadata": {
        "user_api_key_team_id": "search",
        "usage_object": {
            "prompt_tokens": 1000,
            "completion_tokens": 100,
            "total_tokens": 1100,
            "prompt_tokens_details": {"cached_tokens": 600},
            "completion_tokens_details": {"reasoning_tokens": 40},
        },
    },
    "cache_hit": "False",
    "cache_key": "Cache OFF",
    "request_tags": ["prod"],
    "team_id": None,
    "end_user": "",
    "requester_ip_address": None,
    "session_id": "s1",
    "status": "success",
}


BUCKET: dict[str, Any] = {
    "id": "o1",
    "trace_id": "t1",
    "project_id": "p",
    "environment": "production",
    "type": "GENERATION",
    "start_time": "2026-08-15 12:00:00.000000",
    "provided_model_name": "gpt-4o",
    "usage_details": {
        "input": 400,
        "input_cached_tokens": 600,
        "output": 60,
        "output_reasoning_tokens": 40,
        "total": 1100,
    },
    "cost_details": {"input": 0.002, "output": 0.001, "total": 0.003},
    "total_cost": 0.003,
}


HELICONE: dict[str, Any] = {
    "request_id": "r1",
    "response_id": "p1",
    "request_created_at": "2026-08-15T12:00:00.000Z",
    "response_status": 200,
    "request_model": "gpt-4o",
    "response_model": "gpt-4o-2024-08-06",
    "provider": "OPENAI",
    "prompt_tokens": 400,
    "prompt_cache_read_tokens": 600,
    "prompt_cache_write_tokens": 0,
    "completion_tokens": 100,
    "total_tokens": 500,
    "cost": 0.00275,
    "delay_ms": 1250,
    "request_user_id": "ada",
    "request_properties": {"environment": "production"},
    "cache_reference_id": "00000000-0000-0000-0000-000000000000",
}


COMPLETIONS: dict[str, Any] = {
    "object": "organization.usage.completions.result",
    "input_tokens": 4000,
    "input_cached_tokens": 3000,
    "output_tokens": 500,
    "num_model_requests": 5,
    "project_id": "proj_abc",
    "user_id": None,
    "api_key_id": None,
    "model": "gpt-4o-2024-08-06",
    "batch": False,
    "service_tier": None,
}


PAGE: dict[str, Any] = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": 1786752000,
            "end_time": 1786838400,
            "results": [COMPLETIONS, {**COMPLETIONS, "batch": True}],
        }
    ],
    "has_more": False,
    "next_page": None,
}
