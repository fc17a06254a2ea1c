"""The report that a partner gets: what became of a delivery, and which rows were refused by which rule.

It says no value of a row but the partner's own id of it. A spreadsheet opens the CSV: no cell begins as a formula does.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment

from concord.errors import Unbalanced

SSN_LIKE = re.compile(r"[0-9]{3}[^0-9A-Za-z]?[0-9]{2}[^0-9A-Za-z]?[0-9]{4}")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
RULES = {
    "required": "a value is required",
    "date": "is no date as agreed",
    "code": "is not in the agreed code table",
    "pattern": "has another form than agreed",
    "length": "is longer than agreed",
    "formula": "is a spreadsheet's formula, or begins as one does: send values",
    "format": "has another form than agreed",
    "number": "is no whole number as agreed",
    "in_future": "lies in the future",
    "too_early": "lies before the earliest believable day",
    "scientific": "was changed to scientific notation by a spreadsheet, or lost digits in it",
    "hashes": "a spreadsheet showed ###: its column was too narrow",
    "cell_error": "a spreadsheet's error stands in place of a value",
    "mojibake": "letters were read in another encoding on the way",
    "decimal": "a spreadsheet added a decimal point",
    "thousands": "a spreadsheet added thousands separators",
    "day_month": "a spreadsheet made a date of it",
    "leading_zeros": "a spreadsheet shows zeros in front in a way that is not understood: send text",
    "boolean": "TRUE or FALSE stands where neither can be",
    "time": "a time of day stands where a value should",
    "record.field_count": "the record has more or fewer fields than agreed",
    "record.quote": "a quote is never closed, or stands inside a field",
    "record.encoding": "bytes that are no text in the agreed encoding",
    "record.nul": "zero bytes",
    "record.too_long": "the record is too long",
    "record.line_end": "a stray line end",
    "record.type": "an unknown record type",
    "record.length": "the record has another length than agreed",
    "record.escape": "an escape with nothing behind it",
    "record.orphan": "the record it belongs to is not there, or could not be read",
    "record.hidden": "the row is hidden: show it, or take it out",
    "record.merged": "a cell is merged with others: write the value into each row",
    "unknown_member": "the member, or the coverage, is not known: it has to be added first",
    "ambiguous_key": "several rows say different things of the same coverage",
    "member.conflict": "rows of one member disagree on who the member is",
    "possible_multiple_birth": "equal rows may be two children: tell them apart",
    "subscriber_quarantined": "the subscriber's own row was refused",
    "end.no_date": "an end without a date",
    "reinstate.no_coverage": "a reinstatement after a gap has to name the coverage",
    "x12.set_rejected": "its transaction set was rejected: see the 999",
    "x12.group_rejected": "its functional group was rejected: see the 999",
    "x12.interchange_rejected": "its interchange was rejected: see the TA1",
    "x12.repeated_reference": "two values of a segment that may stand once",
    "x12.actions_disagree": "INS03 and HD01 contradict each other",
    "x12.no_coverage_line": "HD03 is missing",
}
"""Rules in words; others stand as they are called."""
OUTCOMES = {
    "held": "is being reviewed by a person; nothing was changed yet",
    "published": "is reconciled",
    "rejected": "was rejected as a whole: nothing of it was used",
    "declined": "was reviewed and declined: nothing of it was used",
    "compared": "was compared, and changes nothing",
}


@dataclass(frozen=True)
class RefusedLine:
    """A refused row: first line, the partner's column (blank for the whole record), the rule, and the partner's id."""

    line: int
    column: str
    rule: str
    row_id: str

    @property
    def words(self) -> str:
        """The rule for people."""
        return RULES.get(self.rule) or RULES.get(self.rule.rpartition(".")[2]) or self.rule


@dataclass(frozen=True)
class Report:
    """What is told of a delivery. ``lines`` are counts by disposition, ``effects`` by what was done to coverage."""

    delivery_id: str
    feed: str
    file_date: str
    state: str
    reason: str
    line_count: int
    lines: Mapping[str, int]
    effects: Mapping[str, int]
    refused: tuple[RefusedLine, ...] = field(repr=False)

    def check(self) -> None:
        """Raises :class:`Unbalanced` where not every line has exactly one disposition."""
        if self.lines and sum(self.lines.values()) != self.line_count:
            raise Unbalanced(f"delivery {self.delivery_id}: the report's lines do not add up")

    @property
    def outcome(self) -> str:
        """What became of it, in words."""
        return OUTCOMES.get(self.state, self.state)


def as_csv(report: Report) -> bytes:
    """The report as CSV (RFC 4180): the summary first, then a line for each refused row and rule."""
    report.check()
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("section", "line", "column", "rule", "meaning", "your row id", "count"))
    writer.writerow(("delivery", "", "", report.delivery_id, report.outcome, report.file_date, report.line_count))
    if report.reason:
        writer.writerow(("reason", "", "", "", safe(report.reason), "", ""))
    for section, counts in (("lines", report.lines), ("coverage", report.effects)):
        for name, count in counts.items():
            writer.writerow((section, "", "", safe(name), "", "", count))
    for row in report.refused:
        writer.writerow(("refused", row.line, safe(row.column), row.rule, row.words, safe(shown(row.row_id)), ""))
    return out.getvalue().encode()


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, "CSV Injection")."""
    return f"'{text}" if text.startswith(FORMULA) else text


def shown(row_id: str) -> str:
    """A partner's id; one that looks like a social security number is not repeated."""
    return "(looks like an SSN)" if SSN_LIKE.search(row_id) else row_id


def as_html(report: Report) -> bytes:
    """The report as one page without anything to load."""
    report.check()
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(PAGE)
    return page.render(report=report, shown=shown, groups=by_rule(report.refused)).encode()


def by_rule(rows: Sequence[RefusedLine]) -> list[tuple[str, str, str, int]]:
    """Column, rule, words and how many rows, the commonest first."""
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.column, row.rule, row.words)
        counts[key] = counts.get(key, 0) + 1
    return [(*key, count) for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Delivery {{ report.delivery_id }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; margin: 2.5rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem } h2 { font-size: 1.05rem; margin-top: 2rem }
p.outcome { padding: .6rem .9rem; border-left: 4px solid #3b7dd8; background: #f2f6fc }
p.rejected, p.declined { border-color: #c0392b; background: #fdf3f2 }
p.held { border-color: #d68910; background: #fef8ec }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #e3e8ee }
th { font-weight: 600; color: #51606f }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums }
code { color: #51606f }
</style></head><body>
<h1>Delivery {{ report.delivery_id }}</h1>
<div>{{ report.feed }}, file date {{ report.file_date }}</div>
<p class="outcome {{ report.state }}">This delivery {{ report.outcome }}.
{% if report.reason %}<br><code>{{ report.reason }}</code>{% endif %}</p>
{% if report.lines %}
<h2>Every line of it</h2>
<table><tr><th>became</th><th class="n">lines</th></tr>
{% for name, count in report.lines.items() %}<tr><td>{{ name }}</td><td class="n">{{ "{:,}".format(count) }}</td></tr>
{% endfor %}
<tr><th>received</th><td class="n"><b>{{ "{:,}".format(report.line_count) }}</b></td></tr></table>
{% endif %}
{% if report.effects %}
<h2>Coverage</h2>
<table><tr><th>what</th><th class="n">spans</th></tr>
{% for name, count in report.effects.items() %}<tr><td>{{ name }}</td><td class="n">{{ "{:,}".format(count) }}</td></tr>
{% endfor %}</table>
{% endif %}
{% if groups %}
<h2>Refused rows by rule</h2>
<table><tr><th>column</th><th>rule</th><th>meaning</th><th class="n">rows</th></tr>
{% for column, rule, words, count in groups %}
<tr><td>{{ column }}</td><td><code>{{ rule }}</code></td><td>{{ words }}</td>
<td class="n">{{ "{:,}".format(count) }}</td></tr>
{% endfor %}</table>
<h2>Refused rows</h2>
<table><tr><th class="n">line</th><th>column</th><th>meaning</th><th>your row id</th></tr>
{% for row in report.refused %}
<tr><td class="n">{{ row.line }}</td><td>{{ row.column }}</td><td>{{ row.words }}</td>
<td>{{ shown(row.row_id) }}</td></tr>
{% endfor %}</table>
{% endif %}
</body></html>
"""
