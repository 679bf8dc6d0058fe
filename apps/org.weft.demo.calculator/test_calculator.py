"""Run by the pipeline's tests: python3 -m unittest."""

import json
import os
import tempfile
import unittest

from calculator import Wrong, calculate
from history import LONGEST, History
from session import Session


class Calculating(unittest.TestCase):
    def test_results_are_exact(self):
        for text, result in [
            ("0.1+0.2", "0.3"), ("1/3", "0.3333333333"), ("2+3*4", "14"), ("(2+3)×4", "20"), ("-2^2", "−4"), ("2^-1", "0.5"),
            ("200*15%", "30"), ("2^3^2", "512"), ("1,5+1", "2.5"), ("--3", "3"), ("10÷4−1", "1.5"), ("-1/3*0", "0"), ("5.", "5"),
        ]:
            self.assertEqual(calculate(text), result, text)

    def test_what_has_no_result_says_why(self):
        for text, reason in [
            ("", "Nothing to"), ("1/0", "by zero"), ("0^-1", "by zero"), ("9^9^9", "Too large"), ("(1", "not closed"), ("1)", "has no place"),
            ("2+", "number is missing"), ("2x", "“x” is not"), ("4^0.5", "whole powers"), ("1" * 201, "Longer"),
        ]:
            with self.assertRaisesRegex(Wrong, reason):
                calculate(text)


class Keeping(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def session(self):
        return Session(History(self.folder.name))

    def ask(self, session, **request):
        return json.loads(session.answer(json.dumps(request)))

    def test_the_next_session_knows_what_was_calculated(self):
        self.assertEqual(self.ask(self.session(), op="calculate", text=" 1+1 ")["result"], "2")
        self.assertEqual(self.ask(self.session(), op="history"), {"history": [{"text": "1+1", "result": "2"}]})
        self.ask(self.session(), op="clear")
        self.assertEqual(self.ask(self.session(), op="history"), {"history": []})

    def test_the_oldest_are_forgotten(self):
        session = self.session()
        for number in range(LONGEST + 5):
            self.ask(session, op="calculate", text=str(number))
        kept = self.ask(self.session(), op="history")["history"]
        self.assertEqual((len(kept), kept[0]["text"]), (LONGEST, str(LONGEST + 4)))

    def test_a_broken_file_is_said_and_a_full_disk_too(self):
        path = os.path.join(self.folder.name, "history.json")
        for text in ["[", "3", "\ufeff", "[" * 100000]:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.assertIn("begins anew", self.ask(self.session(), op="history")["problem"])
        session = self.session()
        os.mkdir(f"{path}.new")
        answer = self.ask(session, op="calculate", text="2*3")
        self.assertEqual(answer["result"], "6")
        self.assertIn("is not kept", answer["problem"])

    def test_nonsense_is_answered(self):
        for message in ["", "[]", "{}", '{"op":"calculate","text":3}', "[" * 100000]:
            self.assertIn("error", json.loads(self.session().answer(message)))


if __name__ == "__main__":
    unittest.main()
