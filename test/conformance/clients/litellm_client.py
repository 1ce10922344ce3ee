"""LiteLLM as a library, through its openai/ provider."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from checks import ask, count_to_20, question, report, target, weather, weather_question

place = target["chat"]
base = {
    "model": "openai/" + place["model"],
    "api_base": place["url"] + "/v1",
    "api_key": "none",
    "temperature": 0,
    "max_tokens": 60,
    "messages": ask(question),
    "num_retries": 0,
    "timeout": 50,
}


def choice(completion):
    first = completion.choices[0]
    return {
        "message": first.message.model_dump(mode="json"),
        "finish_reason": first.finish_reason,
        "total_tokens": completion.usage.total_tokens,
    }


def streamed():
    chunks = list(litellm.completion(**{**base, "messages": ask(count_to_20)}, stream=True))
    return [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]


checks = {
    "completion": lambda: choice(litellm.completion(**base)),
    "completion streamed": streamed,
    "completion with tools": lambda: choice(
        litellm.completion(**{**base, "messages": ask(weather_question)}, tools=[weather])
    ),
    "unknown model": lambda: choice(litellm.completion(**{**base, "model": "openai/no/such-model"})),
}

embed = target.get("embed")
if embed:
    checks["embedding"] = lambda: [
        item["embedding"]
        for item in litellm.embedding(
            model="openai/" + embed["model"],
            api_base=embed["url"] + "/v1",
            api_key="none",
            input=["The sea", "A boat"],
        ).data
    ]

report(checks)
