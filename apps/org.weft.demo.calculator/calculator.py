"""Arithmetic on exact fractions: what a person types, and the number that it means."""

import re
from fractions import Fraction

MAX_LENGTH = 200
# Keeps 9^9^9 from eating the device.
MAX_DIGITS = 400
# Places after the point that are shown.
PLACES = 10

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d*)?|\.\d+)|([-+*/^()%]))")
SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", ",": "."})


class Wrong(Exception):
    """Why there is no result, in words for a person."""


def calculate(text: str) -> str:
    """The value of an expression, rounded to PLACES; raises Wrong."""
    if len(text) > MAX_LENGTH:
        raise Wrong(f"Longer than {MAX_LENGTH} characters")
    return shown(Parser(tokens(text.translate(SIGNS))).value())


def tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Wrong(f"“{text[at:].strip()[0]}” is not understood")
        found.append(match[1] or match[2])
        at = match.end()
    return found


def shown(value: Fraction) -> str:
    scaled = round(value * 10**PLACES)
    whole, rest = divmod(abs(scaled), 10**PLACES)
    digits = f"{rest:0{PLACES}d}".rstrip("0")
    sign = "−" if scaled < 0 else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


class Parser:
    """sum = product (+|- product)*; product = sign (*|/ sign)*; sign = -sign | power; power = atom [^ sign]; atom = number | (sum), then %*."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    def value(self) -> Fraction:
        if not self.words:
            raise Wrong("Nothing to calculate")
        result = self.sum()
        if self.at < len(self.words):
            raise Wrong(f"“{self.words[self.at]}” has no place there")
        return result

    def take(self, *choices: str) -> str | None:
        if self.at < len(self.words) and self.words[self.at] in choices:
            self.at += 1
            return self.words[self.at - 1]
        return None

    def sum(self) -> Fraction:
        result = self.product()
        while sign := self.take("+", "-"):
            other = self.product()
            result = checked(result + other if sign == "+" else result - other)
        return result

    def product(self) -> Fraction:
        result = self.sign()
        while sign := self.take("*", "/"):
            other = self.sign()
            if sign == "/" and other == 0:
                raise Wrong("Nothing can be divided by zero")
            result = checked(result * other if sign == "*" else result / other)
        return result

    def sign(self) -> Fraction:
        if self.take("-"):
            return -self.sign()
        return self.sign() if self.take("+") else self.power()

    def power(self) -> Fraction:
        base = self.atom()
        return power(base, self.sign()) if self.take("^") else base

    def atom(self) -> Fraction:
        if self.take("("):
            result = self.sum()
            if not self.take(")"):
                raise Wrong("A bracket is not closed")
        elif self.at < len(self.words) and self.words[self.at][0] in ".0123456789":
            self.at += 1
            result = Fraction(self.words[self.at - 1])
        else:
            raise Wrong("A number is missing")
        while self.take("%"):
            result /= 100
        return result


def power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        raise Wrong("Only whole powers are known")
    if base == 0 and exponent < 0:
        raise Wrong("Nothing can be divided by zero")
    longest = max(base.numerator.bit_length(), base.denominator.bit_length())
    # Known before it is calculated: log10(2) is less than 1/3.
    if longest * abs(exponent) > 4 * MAX_DIGITS:
        raise Wrong("Too large to be shown")
    return checked(base ** int(exponent))


def checked(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 4 * MAX_DIGITS:
        raise Wrong("Too large to be shown")
    return value
