"""The component of Calculator: answers what its page sends."""

import sys

from history import History
from session import Session
from wit_world import exports
from wit_world.imports import ipc, notify


class Run(exports.Run):
    def run(self) -> None:
        session = Session(History("/data"))
        messages = ipc.subscribe()
        notify.ready()
        while True:
            while (message := ipc.recv()) is not None:
                try:
                    ipc.send(session.answer(message))
                except Exception as reason:
                    print(f"an answer is lost: {reason}", file=sys.stderr)
            messages.block()
