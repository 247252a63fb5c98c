"""How a document has amounts, shares and days written: in one locale. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import UnknownLocaleError, get_global
from babel.dates import format_date, format_skeleton, format_time, get_datetime_format
from babel.numbers import format_decimal

from lib.money import format_money, format_percent, format_plain

MINUS = "\N{MINUS SIGN}"  # as wide as a plus, and read out
NOTHING = "\N{EN DASH}"
_SPACE = "\N{NO-BREAK SPACE}"
_LETTER = {"US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PR"}
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_ISOLATED = "\N{FIRST STRONG ISOLATE}{}\N{POP DIRECTIONAL ISOLATE}"
_LEAST_SHARE = Decimal("0.001")
_MOST_NAME = 60  # characters of a name; the middle of a longer one is left out
_ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True)
class PaperWriter:
    """Writes for one reader.

    *locale*: "de_DE"; one that is unknown is written as English.
    """

    locale: str
    currency: str
    zone: str

    @cached_property
    def known(self) -> Locale:
        try:
            return Locale.parse(self.locale.replace("-", "_"))
        except (UnknownLocaleError, ValueError):
            return Locale("en", "US")

    @property
    def is_right_to_left(self) -> bool:
        return bool(self.known.text_direction == "rtl")

    @property
    def page(self) -> str:
        """Return the size of paper that is used there: "A4" or "letter"."""
        territory = self.known.territory
        if territory is None:
            likely = get_global("likely_subtags").get(self.known.language, "")
            territory = likely.rpartition("_")[2]
        return "letter" if territory in _LETTER else "A4"

    # -- Amounts

    def money(self, amount: Decimal | None) -> str:
        """Write "$1,204.10"; None as a dash."""
        return self.money_in(self.currency, amount)

    def money_in(self, currency: str, amount: Decimal | None) -> str:
        if amount is None:
            return NOTHING
        return _with_minus(format_money(amount, currency, str(self.known)))

    def change(self, amount: Decimal) -> str:
        """Write "+$1,204.10", or with a minus."""
        return self._with_plus(amount, self.money(amount))

    def plain(self, amount: Decimal | None) -> str:
        """Write "1,204.10", where the currency is said once for all."""
        if amount is None:
            return NOTHING
        return _with_minus(format_plain(amount, self.currency, str(self.known)))

    def plain_change(self, amount: Decimal) -> str:
        return self._with_plus(amount, self.plain(amount))

    def share(self, share: Decimal | None) -> str:
        """Write "62 %"; None as a dash, and less than a tenth of a percent as 0 %."""
        if share is not None and abs(share) < _LEAST_SHARE:
            share = Decimal(0)
        return _with_minus(format_percent(share, str(self.known)))

    def share_change(self, share: Decimal | None) -> str:
        written = self.share(share)
        return written if share is None else self._with_plus(share, written)

    def count(self, number: int) -> str:
        return str(format_decimal(number, "#,##0", locale=self.known))

    def _with_plus(self, amount: Decimal, written: str) -> str:
        is_shown = any(digit.isdigit() and digit != "0" for digit in written)
        return f"+{written}" if amount > 0 and is_shown else written

    # -- Days

    def month(self, day: date) -> str:
        """Write "October 2026"."""
        return str(format_skeleton("yMMMM", day, locale=self.known))

    def month_short(self, day: date) -> str:
        return str(format_date(day, "MMM", locale=self.known))

    def day(self, day: date) -> str:
        return str(format_date(day, "medium", locale=self.known))

    def moment(self, at: datetime) -> str:
        """Write the minute of *at* in the document's zone."""
        local = at.astimezone(ZoneInfo(self.zone))
        joined = str(get_datetime_format("medium", locale=self.known))
        time = format_time(local.timetz(), "short", locale=self.known)
        return (
            joined.replace("'", "")
            .replace("{1}", self.day(local.date()))
            .replace("{0}", str(time).replace("\N{NARROW NO-BREAK SPACE}", _SPACE))
        )

    # -- Names

    def name(self, text: str) -> str:
        """Write somebody's own words: what can't be printed is left out, a name that is
        very long is cut in its middle, and one of another direction keeps its own."""
        text = _ODD.sub("", text)
        if len(text) > _MOST_NAME:
            half = _MOST_NAME // 2
            text = f"{text[:half].rstrip()} … {text[-half:].lstrip()}"
        return self.words(text)

    def words(self, text: str) -> str:
        """Write text of any length, which keeps its own direction."""
        text = _ODD.sub("", text)
        if bool(_RIGHT_TO_LEFT.search(text)) == self.is_right_to_left:
            return text
        return _ISOLATED.replace("{}", text)

    def path(self, names: tuple[str, ...]) -> str:
        """Write where a budget stands: "Acme / Engineering / ML"; of a long way the
        first and the last two."""
        shown = names if len(names) <= 4 else (names[0], "…", *names[-2:])
        return " / ".join(self.name(name) for name in shown)


def _with_minus(written: str) -> str:
    return written.replace("-", MINUS) if re.search(r"-[^\d]?\d", written) else written
