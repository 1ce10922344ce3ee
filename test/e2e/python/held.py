"""Asks models that no replica serves yet with the official Python SDK and prints what came as JSON."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import openai

client = openai.OpenAI(max_retries=0)


def outcome(read):
    try:
        return {"answer": read()}
    except openai.APIError as error:
        response = getattr(error, "response", None)
        return {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "type": error.type,
            "code": error.code,
            "waits": response is not None and int(response.headers["retry-after"]) > 0,
        }


def ask(model):
    """A stream, and once it has its head, which comes while it waits, a whole answer beside it."""
    question = {
        "model": model,
        "messages": [{"role": "user", "content": "Who are you?"}],
        "temperature": 0,
    }
    stream = client.chat.completions.create(stream=True, **question)

    def streamed():
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    def plain():
        return client.chat.completions.create(**question).choices[0].message.content

    with ThreadPoolExecutor() as threads:
        answers = [threads.submit(outcome, read) for read in (streamed, plain)]
    return dict(zip(("streamed", "plain"), (answer.result() for answer in answers)))


models = sys.argv[1:]
with ThreadPoolExecutor() as threads:
    print(json.dumps(dict(zip(models, threads.map(ask, models)))))
