"""What the Python clients share: the target, running checks, telling outcomes as JSON."""

import json
import sys

# Standard output is for the outcomes alone; some libraries print advice.
output = sys.stdout
sys.stdout = sys.stderr

target = json.loads(sys.argv[1])
question = "Who are you?"
count_to_20 = "Count from 1 to 20."
weather_question = "What is the weather in Paris?"
weather = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def ask(content):
    return [{"role": "user", "content": content}]


def dump(value):
    """Objects of pydantic become plain data."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (list, tuple)):
        return [dump(item) for item in value]
    return value


def report(checks):
    """Runs the checks one after the other and prints {name: outcome}; an exception is an outcome."""
    outcomes = {}
    for name, check in checks.items():
        try:
            outcomes[name] = dump(check())
        except Exception as error:
            outcomes[name] = {
                "error": {
                    "name": type(error).__name__,
                    "message": str(error),
                    "status": getattr(error, "status_code", None),
                    "code": getattr(error, "code", None),
                    "type": getattr(error, "type", None),
                    "param": getattr(error, "param", None),
                }
            }
    print(json.dumps(outcomes), file=output)
