"""What a process of the studio does: it reads requests, one a line, and answers each, until there is nobody to ask."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import traceback
from typing import Any


def work() -> None:
    """Requests from stdin, answers to what stdout was; what parts print goes to stderr."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    from .tasks import Tasks

    tasks, waiting = Tasks(), queue.SimpleQueue[dict[str, Any]]()
    threading.Thread(target=_read, args=(requests, waiting, tasks), daemon=True).start()

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(finite(message)).encode() + b"\n")
        answers.flush()

    while True:
        request = waiting.get()
        try:
            with contextlib.redirect_stdout(sys.stderr):
                say({"answer": tasks(request.pop("what"), lambda news: say({"news": news}), request)})
        except Exception as error:
            say({"error": told(error)})


def _read(requests: Any, waiting: queue.SimpleQueue[dict[str, Any]], tasks: Any) -> None:
    for line in requests:
        request = json.loads(line)
        if request["what"] == "stop":
            tasks.stopped = request["search"]
        else:
            waiting.put(request)
    os._exit(0)  # nobody asks any more


def told(error: Exception) -> str:
    """What there is to say of an error: that it is a mistake of somebody's, or where it was raised."""
    from invsound import InvsoundError

    if isinstance(error, InvsoundError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} ({os.path.basename(place.filename)}, line {place.lineno}): {error}"


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: None in their place."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and value - value != 0 else value
