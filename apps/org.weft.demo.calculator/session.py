"""What the page asks and what it is told.

From the page: {"op":"history"}, {"op":"calculate","text":…}, {"op":"clear"}.
To the page: {"history":[{"text":…,"result":…},…],"result":…|absent,"problem":…|absent} or {"error":…}.
"""

import json

from calculator import Wrong, calculate
from history import History


class Session:
    def __init__(self, history: History) -> None:
        self.history = history

    def answer(self, message: str) -> str:
        try:
            return json.dumps(self.obey(message), ensure_ascii=False)
        except Wrong as reason:
            return json.dumps({"error": str(reason)}, ensure_ascii=False)

    def obey(self, message: str) -> dict[str, object]:
        try:
            request = json.loads(message)
        except (ValueError, RecursionError):
            raise Wrong("The page said what is not understood") from None
        match request:
            case {"op": "history"}:
                return self.state()
            case {"op": "calculate", "text": str(text)}:
                result = calculate(text)
                print(f"calculated {text.strip()} = {result}")
                return {"result": result, **self.kept(lambda: self.history.add(text.strip(), result))}
            case {"op": "clear"}:
                return self.kept(self.history.clear)
            case _:
                raise Wrong("The page asked for what is not known")

    def kept(self, change) -> dict[str, object]:
        try:
            change()
            self.history.problem = ""
        except OSError as reason:
            self.history.problem = f"The history is not kept: {reason.strerror}"
        return self.state()

    def state(self) -> dict[str, object]:
        state: dict[str, object] = {"history": self.history.entries}
        if self.history.problem:
            state["problem"] = self.history.problem
        return state
