"""Values that nobody means, and the fields that may have them."""

from ledger.usage import NOT_SENT, Usage

FIELDS = sorted(
    (set(Usage.__struct_fields__) - NOT_SENT)
    | {"seconds", "characters", "audio_input_tokens", "unheard_of", "strange_tokens"}
)


# As they are written in JSON, or where that is none, as clients write it.
NASTY = [
    '"1E+1000000"',
    '"1E-1000030"',
    '"-1E-1000030"',
    "1E+1000000",
    "1E-1000030",
    "1e999999999999999999999",
    '"1e999999999999999999999"',
    "NaN",
    "Infinity",
    "-Infinity",
    '"NaN"',
    '"sNaN"',
    '"Infinity"',
    '"²"',
    '"٣"',
    r'"\u0000"',
    r'"\ud800"',
    r'"a\udfffb"',
    r'{"\ud800": 1}',
    r'{"\u0000": 1}',
    r'{"a": "\ud800"}',
    r'["\u0000"]',
    '{"a": 1e999}',
    '{"a": NaN}',
    '{"a": 1E-1000030}',
    '{"a": "1E+1000000"}',
    f'{{"a": {"1" * 400}}}',
    f'{{"{"k" * 5000}": 1}}',
    "true",
    "false",
    "null",
    '""',
    '" "',
    "1" * 400,
    "-" + "1" * 400,
    "9223372036854775807",
    "18446744073709551616",
    "0." + "1" * 400,
    f'"{"1" * 400}"',
    f'"{"x" * 300}"',
    f'"{"é" * 300}"',
    f'"{"x" * 20_000}"',
    '"0000-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00+14:00"',
    '"9999-12-31T23:59:59-14:00"',
    '"10000-01-01T00:00:00Z"',
    '"2025-02-30T00:00:00Z"',
    "[]",
    "{}",
    "[" * 500 + "]" * 500,
    '{"a":' * 500 + "1" + "}" * 500,
    '{"a":' * 90 + "1" + "}" * 90,
    '{"a":' * 2000 + "1" + "}" * 2000,
    "-1",
    "1.5",
    "-0.0",
]
