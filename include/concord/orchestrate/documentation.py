"""A feed's page in the Airflow UI, from its contract."""

from __future__ import annotations

from inspect import cleandoc

from concord.contract import Feed, words

SIGNS = {
    "`approve` waits": (
        "the plan is out of the ordinary",
        "read it (`concord plan ID`), then answer here or with `concord approve ID` / `concord decline ID`",
    ),
    "`stage` red, `rejected`": (
        "the file breaks the contract as a whole",
        "tell the partner the rule and the line; a new file comes in by itself",
    ),
    "`settle` red, `declined`": ("a person said no; nothing was written", "wait for the next file"),
    "red after all retries": (
        "a system did not answer, or said no",
        "read the incident, mend it, open a run with the delivery's id and the next attempt",
    ),
}
"""What on-call sees → what it means, what to do."""


def next_steps() -> str:
    """What to do when a run is red or waits, as Markdown."""
    lines = "\n".join(f"| {sign} | {meaning} | {remedy} |" for sign, (meaning, remedy) in SIGNS.items())
    return f"\n### When it is red or waits\n| you see | it means | do |\n|---|---|---|\n{lines}\n"


def facts(feed: Feed) -> str:
    """The contract's docstring and its facts as Markdown: where, when, how, and when it is held."""
    rows = {
        "partner": feed.partner,
        "owner": feed.owner,
        "source": words.arrives(feed),
        "schedule": f"`{feed.schedule.cron}` in {feed.schedule.tz}, late after {feed.schedule.expected_by}",
        "mode": f"{feed.mode.value}, {feed.stage.value}",
        "writes": ", ".join(f"`core.{entity.name}`" for entity in feed.entities),
        "scope": words.scope(feed),
        "missing from it": words.absence(feed),
        "held when": words.held_when(feed),
        "kept": f"{feed.retention_days} days",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return f"{cleandoc(feed.about)}\n\n| | |\n|---|---|\n{table}\n"


def columns(feed: Feed) -> str:
    """The column mapping of ``feed`` as a Markdown table; of records, what they are."""
    if feed.is_of_records:
        return f"{words.records(feed)}. What stands in which column, `docs/tables.md` says.\n"
    lines = (
        f"| `{name}` | `{mapping.source}` | {type(mapping.read).__name__} | "
        f"{'yes' if mapping.required else 'no'} | {_phi(feed, name)} |"
        for name, mapping in feed.columns.items()
    )
    return "| column | partner's | read as | required | PHI |\n|---|---|---|---|---|\n" + "\n".join(lines) + "\n"


def watch_page(feed: Feed) -> str:
    """``doc_md`` of the watch DAG."""
    return f"Looks for deliveries, lands them, and opens a run of `{feed.name}` for each.\n\n{facts(feed)}"


def delivery_page(feed: Feed) -> str:
    """``doc_md`` of the delivery DAG."""
    return f"A run is one delivery.\n\n{facts(feed)}{next_steps()}\n### Columns\n{columns(feed)}"


def headline(feed: Feed) -> str:
    """The first sentence of the contract, for lists."""
    return " ".join(cleandoc(feed.about).split()).partition(". ")[0].rstrip(".")


def _phi(feed: Feed, name: str) -> str:
    known = any(name in entity.names for entity in feed.entities)
    return feed.phi(name).value if known else "none"
