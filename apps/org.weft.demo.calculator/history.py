"""What was calculated, in one file: newest first."""

import json
import os

LONGEST = 50


class History:
    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "history.json")
        self.entries: list[dict[str, str]] = []
        self.problem = ""
        try:
            with open(self.path, encoding="utf-8") as file:
                self.entries = [entry for entry in json.load(file) if is_entry(entry)][:LONGEST]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, RecursionError) as reason:
            self.problem = f"The history cannot be read, so it begins anew: {reason}"

    def add(self, text: str, result: str) -> None:
        """Raises OSError; the entry is then lost at the end of the session."""
        self.entries = [{"text": text, "result": result}, *self.entries][:LONGEST]
        self.write()

    def clear(self) -> None:
        self.entries = []
        self.write()

    def write(self) -> None:
        # The old file or the new one, whenever the power goes.
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            json.dump(self.entries, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{self.path}.new", self.path)


def is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and set(entry) == {"text", "result"} and all(isinstance(part, str) for part in entry.values())
