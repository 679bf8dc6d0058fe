// What can be converted. A unit is `factor` of the first unit of its kind; temperatures also have an `offset`: first = (value + offset) * factor.
const unit = (id, name, factor, offset = 0) => ({ id, name, factor, offset });

export const KINDS = [
  {
    id: "length", name: "Length",
    units: [
      unit("m", "metres", 1), unit("km", "kilometres", 1000), unit("cm", "centimetres", 0.01), unit("mm", "millimetres", 0.001),
      unit("mi", "miles", 1609.344), unit("yd", "yards", 0.9144), unit("ft", "feet", 0.3048), unit("in", "inches", 0.0254),
    ],
  },
  {
    id: "weight", name: "Weight",
    units: [
      unit("kg", "kilograms", 1), unit("g", "grams", 0.001), unit("t", "tonnes", 1000),
      unit("lb", "pounds", 0.45359237), unit("oz", "ounces", 0.028349523125),
    ],
  },
  {
    id: "temperature", name: "Temperature",
    units: [unit("K", "kelvin", 1), unit("°C", "Celsius", 1, 273.15), unit("°F", "Fahrenheit", 5 / 9, 459.67)],
  },
  {
    id: "volume", name: "Volume",
    units: [
      unit("l", "litres", 1), unit("ml", "millilitres", 0.001), unit("m³", "cubic metres", 1000),
      unit("gal", "US gallons", 3.785411784), unit("pt", "US pints", 0.473176473), unit("cup", "US cups", 0.2365882365),
    ],
  },
  {
    id: "speed", name: "Speed",
    units: [unit("m/s", "metres a second", 1), unit("km/h", "kilometres an hour", 1 / 3.6), unit("mph", "miles an hour", 0.44704), unit("kn", "knots", 1852 / 3600)],
  },
  {
    id: "time", name: "Time",
    units: [unit("s", "seconds", 1), unit("min", "minutes", 60), unit("h", "hours", 3600), unit("d", "days", 86400), unit("wk", "weeks", 604800)],
  },
];

const DIGITS = 8;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

// The units of a conversion, or an Error in words for a person.
export function find(kind, from, to) {
  const units = KINDS.find((one) => one.id === kind)?.units ?? [];
  const pair = [from, to].map((id) => units.find((one) => one.id === id));
  if (pair.includes(undefined)) throw new Error(`${from} cannot be converted to ${to}`);
  return pair;
}

// What a typed number of one unit is in another, to 8 digits.
export function convert(text, from, to) {
  const typed = text.trim().replace("−", "-").replace(",", ".");
  const value = Number(typed);
  if (!NUMBER.test(typed) || !Number.isFinite(value)) throw new Error(`“${text.trim().slice(0, 40)}” is no number`);
  const first = (value + from.offset) * from.factor;
  if (from.offset + to.offset > 0 && first < 0) throw new Error("Nothing is colder than absolute zero");
  return shown(first / to.factor - to.offset);
}

function shown(value) {
  const rounded = Number(value.toPrecision(DIGITS));
  const plain = Math.abs(rounded) >= 1e12 || (rounded !== 0 && Math.abs(rounded) < 1e-6) ? rounded.toExponential() : String(Number(rounded.toFixed(12)));
  return plain.replace("-", "−");
}
