"""Asks the model twice with the official Python SDK, plain and streamed, and prints both as JSON."""

import json
import sys

import openai

model, question = sys.argv[1:]
client = openai.OpenAI()
messages = [{"role": "user", "content": question}]

plain = client.chat.completions.create(model=model, messages=messages, temperature=0)
chunks = list(
    client.chat.completions.create(
        model=model,
        messages=messages,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
)
try:
    client.chat.completions.create(model="no-such-model", messages=messages)
    unknown = None
except openai.NotFoundError as error:
    unknown = {"status": error.status_code, "code": error.code, "param": error.param}

print(
    json.dumps(
        {
            "models": [card.id for card in client.models.list()],
            "plain": plain.choices[0].message.content,
            "streamed": "".join(
                chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
            ),
            "chunks": len(chunks),
            "usage_tokens": chunks[-1].usage.total_tokens if chunks[-1].usage else None,
            "unknown": unknown,
        }
    )
)
