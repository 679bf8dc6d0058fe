"""The component of {{name}}: answers what its page sends."""

import sys

from wit_world import exports
from wit_world.imports import ipc, notify


class Run(exports.Run):
    def run(self) -> None:
        messages = ipc.subscribe()
        notify.ready()
        while True:
            while (message := ipc.recv()) is not None:
                try:
                    ipc.send(answer(message))
                except Exception as reason:
                    print(f"an answer is lost: {reason}", file=sys.stderr)
            messages.block()


def answer(message: str) -> str:
    return message.upper()
