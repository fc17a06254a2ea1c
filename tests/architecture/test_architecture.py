"""The architecture: what may import what, where SQL lives, and where values must not go.

Each rule is a small function over source text, shown to bite by a counter-example.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
INCLUDE = ROOT / "include"
SQL = INCLUDE / "concord" / "sql"
PRODUCT = sorted(file for folder in (INCLUDE, ROOT / "dags", ROOT / "plugins") for file in folder.rglob("*.py"))
HANDLES_VALUES = [
    file for file in PRODUCT if not {"sandbox", "cli", "docs.py"} & set(file.relative_to(ROOT).parts)
]  # fmt: skip
HEAVY = ("pandas", "pandera", "numpy", "pyarrow", "psycopg", "paramiko", "asyncssh", "alembic", "cryptography", "httpx")
LOG_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
VERB_OBJECT = re.compile(r"\A[a-z]+(_[a-z0-9]+)+\Z")
MIGRATION = re.compile(r"\A[0-9]{4}(_[a-z0-9]+)+\Z")

Rule = Callable[[ast.AST], Iterator[int]]


def breaches(rule: Rule, files: list[Path]) -> list[str]:
    """``file:line`` of every breach of ``rule``."""
    trees = ((file, ast.parse(file.read_text(encoding="utf-8"))) for file in files)
    return [f"{file.relative_to(ROOT)}:{line}" for file, tree in trees for line in rule(tree)]


# ── imports ────────────────────────────────────────────────────────────────────


def test_imports_go_one_way(capsys: pytest.CaptureFixture[str]) -> None:
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert broken == 0, capsys.readouterr().out


def test_an_import_against_the_direction_would_be_seen(tmp_path: Path) -> None:
    config = tmp_path / "importlinter.toml"
    config.write_text(
        '[tool.importlinter]\nroot_packages = ["concord"]\n[[tool.importlinter.contracts]]\nname = "turned round"\n'
        'type = "layers"\nlayers = ["concord.errors", "concord.contract"]\n'
    )
    assert lint_imports(config_filename=str(config), no_cache=True) == 1


def loaded_by(statement: str, *suspects: str) -> list[str]:
    """Which of ``suspects`` a fresh interpreter has loaded after ``statement``."""
    code = f"import sys\n{statement}\nprint(*(name for name in {suspects!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_contracts_load_nothing_heavy() -> None:
    assert loaded_by("from concord.catalogue import feeds; feeds()", "airflow", *HEAVY) == []


def test_something_heavy_would_be_seen() -> None:
    assert loaded_by("import psycopg", *HEAVY) == ["psycopg"]


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module


def foreign_to_a_contract(tree: ast.AST) -> Iterator[int]:
    """A contract takes the contract model, the entities and the standard library."""
    for line, name in imports(tree):
        ours = name in ("concord.contract", "concord.entities") or name.startswith("concord.entities.")
        if not ours and name.partition(".")[0] not in sys.stdlib_module_names:
            yield line


def test_a_contract_only_declares() -> None:
    assert breaches(foreign_to_a_contract, sorted((INCLUDE / "feeds").glob("*.py"))) == []


def heavy_at_the_top(tree: ast.AST) -> Iterator[int]:
    """Airflow parses DAG files in every task process: pandas and the like stand inside functions."""
    assert isinstance(tree, ast.Module)
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (line for line, name in imports(statement) if name.partition(".")[0] in HEAVY)


def test_dags_and_plugins_are_light_at_the_top() -> None:
    folders = (ROOT / "dags", ROOT / "plugins")
    assert breaches(heavy_at_the_top, [file for folder in folders for file in sorted(folder.rglob("*.py"))]) == []


def test_parsing_the_dags_loads_nothing_that_airflow_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    dags = "; ".join(f"runpy.run_path({str(file)!r})" for file in sorted((ROOT / "dags").glob("*.py")))
    ours = set(loaded_by(f"import runpy; {dags}", *HEAVY))
    assert ours - set(loaded_by("import airflow.sdk", *HEAVY)) == set()


# ── SQL ────────────────────────────────────────────────────────────────────────


def sql_names() -> list[str]:
    return sorted(str(file.relative_to(SQL).with_suffix("")) for file in SQL.rglob("*.sql"))


def test_a_statement_is_called_verb_object() -> None:
    names = [name for name in sql_names() if not name.startswith("migrations/")]
    assert [name for name in names if not VERB_OBJECT.match(Path(name).name)] == []


def test_a_migration_is_numbered_and_has_its_revision() -> None:
    names = [Path(name).name for name in sql_names() if name.startswith("migrations/")]
    assert [name for name in names if not MIGRATION.match(name)] == []
    revisions = {file.stem for file in (INCLUDE / "concord" / "migrations" / "versions").glob("*.py")}
    assert set(names) == revisions - {"__init__"}


def named_in(tree: ast.AST) -> Iterator[str]:
    """Patterns of the strings that may name a statement; what is put into an f-string may be any word.

    An f-string counts by its literal beginning after the folder (``plan/find_{what}``): one
    without would name everything.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.escape(node.value)
        elif isinstance(node, ast.JoinedStr):
            texts = [str(v.value) if isinstance(v, ast.Constant) else "" for v in node.values]
            if len(texts[0].rpartition("/")[2]) >= 3:
                yield "".join(re.escape(text) or "[a-z0-9_]+" for text in texts)


def unused(names: list[str], trees: list[ast.AST]) -> list[str]:
    """The statements that no string of the source names, with or without their folder."""
    wanted = {pattern for tree in trees for pattern in named_in(tree) if len(pattern) < 100}
    every = [re.compile(pattern) for pattern in wanted]
    return [n for n in names if not any(p.fullmatch(n) or p.fullmatch(Path(n).name) for p in every)]


def test_every_statement_is_used() -> None:
    trees: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8")) for file in PRODUCT]
    assert unused([name for name in sql_names() if not name.startswith("migrations/")], trees) == []


def test_a_statement_that_nothing_names_would_be_seen() -> None:
    trees: list[ast.AST] = [ast.parse('run(c, "plan/find_ends"); run(c, f"plan/{x}"); run(c, f"cli/list_{x}")')]
    assert unused(["plan/find_ends", "plan/find_adds", "cli/list_holds"], trees) == ["plan/find_adds"]


def pasted_sql(tree: ast.AST) -> Iterator[int]:
    """SQL text put together from values: f-strings, ``%``, ``+``, ``.format`` in execute(), copy() or SQL()."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and called(node) in {"execute", "executemany", "copy", "SQL"}:
            first = node.args[0]
            if isinstance(first, ast.JoinedStr | ast.BinOp) or (
                isinstance(first, ast.Call) and called(first) == "format" and isinstance(of(first), ast.Constant)
            ):
                yield node.lineno


def called(call: ast.Call) -> str:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def of(call: ast.Call) -> ast.AST | None:
    """What a method is called on."""
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def test_values_are_bound_and_never_pasted_into_sql() -> None:
    assert breaches(pasted_sql, PRODUCT) == []


# ── values ─────────────────────────────────────────────────────────────────────


def logged_text(tree: ast.AST) -> Iterator[int]:
    """Log calls whose text is made from values: a constant text and named ids only."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and called(node) in LOG_LEVELS:
            logger = of(node)
            name = logger.id if isinstance(logger, ast.Name) else getattr(logger, "attr", "")
            constant = isinstance(node.args[0], ast.Constant)
            if "log" in name.lower() and not constant:
                yield node.lineno


def tracebacks_logged(tree: ast.AST) -> Iterator[int]:
    """``log.exception`` and ``exc_info``: third-party errors carry values of rows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            logger = of(node)
            is_log = isinstance(logger, ast.Name) and "log" in logger.id.lower()
            if (is_log and called(node) == "exception") or any(k.arg == "exc_info" for k in node.keywords):
                yield node.lineno


def printed(tree: ast.AST) -> Iterator[int]:
    """Task logs take whatever is printed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "print" and of(node) is None:
            yield node.lineno


def chained(tree: ast.AST) -> Iterator[int]:
    """An error of ours raised inside ``except`` drags the other's text along, unless it says ``from None``."""
    for handler in (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)):
        for node in ast.walk(handler):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not says_from_none(node):
                yield node.lineno


def says_from_none(node: ast.Raise) -> bool:
    return isinstance(node.cause, ast.Constant) and node.cause.value is None


@pytest.mark.parametrize("rule", [logged_text, tracebacks_logged, printed, chained], ids=lambda rule: rule.__name__)
def test_no_value_reaches_a_log_or_an_error(rule: Rule) -> None:
    assert breaches(rule, HANDLES_VALUES) == []


# ── protection ─────────────────────────────────────────────────────────────────


VERIFIES = ("verify", "check_hostname", "verify_ssl", "known_hosts")
BELIEVES = ("AutoAddPolicy", "WarningPolicy", "_create_unverified_context", "CERT_NONE")
RUNS = ("pickle", "dill", "joblib", "shelve")


def unverified(tree: ast.AST) -> Iterator[int]:
    """``verify=False`` and its like: whoever answers is believed."""
    for node in ast.walk(tree):
        is_off = isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and not node.value.value
        if is_off and node.arg in VERIFIES:
            yield node.value.lineno


def believing(tree: ast.AST) -> Iterator[int]:
    """Host keys and certificates that are taken as they come."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and getattr(node, "attr", getattr(node, "id", "")) in BELIEVES:
            yield node.lineno


def runs_what_it_reads(tree: ast.AST) -> Iterator[int]:
    """pickle and its like, and YAML that makes objects."""
    yield from (line for line, name in imports(tree) if name.partition(".")[0] in RUNS)
    for node in ast.walk(tree):
        is_load = isinstance(node, ast.Call) and called(node) in ("load", "load_all", "unsafe_load", "full_load")
        if is_load and getattr(of(node), "id", "") == "yaml":
            yield node.lineno


@pytest.mark.parametrize("rule", [unverified, believing, runs_what_it_reads], ids=lambda rule: rule.__name__)
def test_nobody_is_believed_unverified_and_nothing_read_is_run(rule: Rule) -> None:
    assert breaches(rule, [file for file in PRODUCT if "sandbox" not in file.parts]) == []


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (unverified, "httpx.get(url, verify=False)"),
        (unverified, "asyncssh.connect(host, known_hosts=None)"),
        (believing, "client.set_missing_host_key_policy(paramiko.AutoAddPolicy())"),
        (believing, "context.verify_mode = ssl.CERT_NONE"),
        (runs_what_it_reads, "import pickle"),
        (runs_what_it_reads, "from joblib import load"),
        (runs_what_it_reads, "yaml.load(text)"),
        (foreign_to_a_contract, "import pandas"),
        (foreign_to_a_contract, "from concord.postgres import run"),
        (heavy_at_the_top, "import pandas as pd"),
        (pasted_sql, 'connection.execute(f"select {x}")'),
        (pasted_sql, 'connection.execute("select " + x)'),
        (pasted_sql, 'connection.execute("select %s" % x)'),
        (pasted_sql, 'connection.execute("select {}".format(x))'),
        (pasted_sql, 'sql.SQL(f"select {x}")'),
        (logged_text, 'log.info(f"row {row}")'),
        (logged_text, "self.log.warning(row)"),
        (tracebacks_logged, 'log.exception("failed")'),
        (tracebacks_logged, 'log.error("failed", exc_info=True)'),
        (printed, "print(row)"),
        (chained, "try:\n    f()\nexcept ValueError:\n    raise Ours('x')"),
        (chained, "try:\n    f()\nexcept ValueError as error:\n    raise Ours('x') from error"),
    ],
)
def test_a_breach_would_be_seen(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (foreign_to_a_contract, "from concord.contract import Feed\nfrom datetime import date"),
        (heavy_at_the_top, "def f():\n    import pandas"),
        (pasted_sql, 'connection.execute("select %s", (x,))'),
        (pasted_sql, 'sql.SQL("{}").format(sql.Identifier(x))'),
        (logged_text, 'log.info("delivery %s", delivery_id)'),
        (chained, "try:\n    f()\nexcept ValueError:\n    raise Ours('x') from None"),
        (chained, "try:\n    f()\nexcept ValueError:\n    raise"),
    ],
)
def test_the_right_way_is_let_through(rule: Rule, source: str) -> None:
    assert list(rule(ast.parse(source))) == []
