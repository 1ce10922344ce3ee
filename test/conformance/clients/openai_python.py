"""The official openai package for Python."""

import openai
from checks import ask, count_to_20, question, report, target, weather, weather_question
from pydantic import BaseModel, Field

place = target["chat"]
model = place["model"]


def client_of(url):
    return openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=50)


client = client_of(place["url"])
chat = client.chat.completions
base = {"model": model, "temperature": 0, "max_tokens": 60, "messages": ask(question)}
with_tools = {**base, "messages": ask(weather_question), "tools": [weather]}


class Person(BaseModel):
    name: str = Field(max_length=12)
    age: int = Field(le=99)


def stream_aborted():
    seen = 0
    with chat.create(**{**base, "messages": ask(count_to_20)}, stream=True) as stream:
        for _ in stream:
            seen += 1
            if seen == 3:
                break
    return {"seen": seen, "after": chat.create(**base).choices[0].message.content}


def retrieve():
    card = client.models.retrieve(model)
    return {"id": card.id, "object": card.object}


checks = {
    "models.list": lambda: model in [card.id for card in client.models.list()],
    "models.retrieve": retrieve,
    "chat plain": lambda: chat.create(**base),
    "chat stream": lambda: list(chat.create(**base, stream=True)),
    "chat stream with usage": lambda: list(
        chat.create(**base, stream=True, stream_options={"include_usage": True})
    ),
    "chat tools": lambda: chat.create(**with_tools),
    "chat tools streamed": lambda: list(chat.create(**with_tools, stream=True)),
    "chat parse": lambda: (
        chat.parse(
            **{**base, "messages": ask("Give me a person as JSON.")}, response_format=Person
        )
        .choices[0]
        .message.content
    ),
    "chat logprobs": lambda: chat.create(**base, logprobs=True, top_logprobs=2),
    "chat n=2": lambda: chat.create(**base, n=2),
    "chat temperature of a wrong type": lambda: chat.create(**{**base, "temperature": "hot"}),
    "chat unknown model": lambda: chat.create(**{**base, "model": "no/such-model"}),
    "chat stream aborted": stream_aborted,
    "completions plain": lambda: client.completions.create(
        model=model, prompt="The sea", temperature=0, max_tokens=8
    ),
    "responses plain": lambda: client.responses.create(model=model, input=question, temperature=0),
    "responses stream": lambda: list(
        client.responses.create(model=model, input=question, temperature=0, stream=True)
    ),
}

embed = target.get("embed")
if embed:
    embedder = client_of(embed["url"])
    checks["embeddings"] = lambda: embedder.embeddings.create(
        model=embed["model"], input=["The sea", "A boat"]
    )

report(checks)
