"""The habits of the house that linters cannot say, read from the syntax tree."""

from __future__ import annotations

import ast
import inspect
import os
import re
from functools import cache
from pathlib import Path

import pytest

from trace.config import ROOT

PACKAGES = ("trace", "enforcement", "labels")
MOST_LINES = 450
PLACEHOLDER = re.compile(r"%\((\w+)\)")
# What a log line may be made of: it names kinds, rules, statuses and counts, never what came from a person.
PERSONAL = {
    "path", "full_path", "url", "base_url", "query_string", "args", "form", "values", "files", "json", "data", "cookies", "headers",
    "remote_addr", "user_agent", "referrer", "view_args", "login", "full_name", "contact", "phone", "code", "note", "text",
}  # fmt: skip


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def imported(path: Path) -> list[tuple[ast.AST, str]]:
    """Every module that a file imports, at whatever depth."""
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node, node.module), *((node, f"{node.module}.{alias.name}") for alias in node.names)]
    return found


def calls(path: Path, *names: str) -> list[ast.Call]:
    """Calls of a method or function with one of these names."""
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", None)) in names
    ]


RULES = [
    path
    for path in sources("trace/services", "trace/models", "enforcement", "labels")
    if path.relative_to(ROOT).parts[:2] != ("enforcement", "views")
]
VIEWS = sources("trace/views", "enforcement/views")


def test_trace_is_ours_and_not_the_standard_librarys() -> None:
    import trace

    assert trace.__file__ is not None
    assert Path(trace.__file__).resolve() == ROOT / "trace" / "__init__.py"


@pytest.mark.xdist_group("house")
def test_tests_of_one_group_stay_with_one_worker(request: pytest.FixtureRequest) -> None:
    """The group is handed on in the test's own name. Where it gets lost, nothing fails: everything dear is just made once a worker."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process, no groups")
    assert request.node.nodeid.endswith("@house")


def test_there_is_something_to_read() -> None:
    assert len(RULES) > 40
    assert len(VIEWS) > 15


def test_rules_never_commit() -> None:
    """The view decides when a deed is done, so that two changes have one fate."""
    assert [where(path, call) for path in RULES for call in calls(path, "commit")] == []


def test_only_the_clock_reads_the_clock() -> None:
    readers = {"now", "utcnow", "today", "fromtimestamp"}
    found = []
    for path in sources(*PACKAGES):
        if path == ROOT / "trace" / "clock.py":
            continue
        for call in calls(path, *readers):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            name = getattr(owner, "attr", getattr(owner, "id", ""))
            if name in {"datetime", "date", "dt"}:
                found.append(where(path, call))
    assert found == []


def test_rules_do_not_ask_what_time_it_is() -> None:
    asking = [
        where(path, node)
        for path in RULES
        for node, name in imported(path)
        if name in {"trace.clock.now", "time", "time.time"}
    ]
    asking += [
        where(path, call)
        for path in RULES
        for call in calls(path, "now")
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "clock"
    ]
    assert asking == []


def test_rules_know_nothing_of_http() -> None:
    foreign = {"flask", "werkzeug", "flask_login", "flask_babel", "flask_wtf", "wtforms", "jinja2"}
    assert [where(path, node) for path in RULES for node, name in imported(path) if name.split(".")[0] in foreign] == []


def test_labels_stand_alone() -> None:
    foreign = {"trace", "enforcement", "sqlalchemy", "flask", "psycopg", "geoalchemy2"}
    labels = sources("labels")
    assert [
        where(path, node) for path in labels for node, name in imported(path) if name.split(".")[0] in foreign
    ] == []


def test_the_registry_never_looks_up_to_the_case_desk() -> None:
    below = sources("trace/services", "trace/models")
    assert [
        where(path, node) for path in below for node, name in imported(path) if name.split(".")[0] == "enforcement"
    ] == []


def test_migrations_stand_still_when_the_models_move() -> None:
    migrations = sources("migrations/versions")
    assert migrations
    found = [
        where(path, node) for path in migrations for node, name in imported(path) if name.split(".")[0] in PACKAGES
    ]
    assert found == []


def test_what_a_service_does_it_does_in_the_session_it_is_given() -> None:
    """`session` comes first; everything else that could be mixed up goes by keyword."""
    wrong = []
    for path in sources("trace/services"):
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
                if "session" in names[1:] or "session" in {argument.arg for argument in node.args.kwonlyargs}:
                    wrong.append(where(path, node))
    assert wrong == []


def test_the_actor_goes_by_keyword_in_services() -> None:
    wrong = []
    for path in [*sources("trace/services"), *(path for path in RULES if path.parent.name == "enforcement")]:
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = node.args.posonlyargs + node.args.args
                if arguments and arguments[0].arg == "session":
                    wrong += [where(path, node) for argument in arguments if argument.arg == "by"]
    assert wrong == []


@pytest.mark.parametrize("path", sources(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_subject(path: Path) -> None:
    """A file that grows past this wants to be two nouns."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_every_module_says_what_lives_in_it() -> None:
    assert [str(path.relative_to(ROOT)) for path in sources(*PACKAGES) if not ast.get_docstring(tree(path))] == []


def test_every_public_function_and_class_says_what_it_is() -> None:
    mute = [
        where(path, node)
        for path in sources(*PACKAGES)
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert mute == []


# ------------------------------------------------------------------------------------------------------------------- logs


def log_calls(path: Path) -> list[ast.Call]:
    levels = {"debug", "info", "warning", "error", "critical", "exception"}
    return [
        call
        for call in calls(path, *levels)
        if isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") in {"log", "logger", "logging"}
    ]


def test_logs_say_kinds_and_counts_and_never_what_somebody_typed() -> None:
    found = []
    for path in sources(*PACKAGES):
        for call in log_calls(path):
            if len(call.args) != 1 or not isinstance(call.args[0], ast.Constant):
                found.append(f"{where(path, call)}: the event is a constant text, all else goes by keyword")
            for keyword in call.keywords:
                for node in ast.walk(keyword.value):
                    if isinstance(node, ast.Attribute) and node.attr in PERSONAL:
                        found.append(f"{where(path, call)}: {keyword.arg} tells {node.attr}")
                    if (
                        isinstance(node, ast.Name)
                        and node.id in {"exc", "error", "exception"}
                        and not _only_its_type(keyword.value)
                    ):
                        found.append(f"{where(path, call)}: {keyword.arg} quotes an exception")
                if keyword.arg in {"exc_info", "stack_info"}:
                    found.append(f"{where(path, call)}: a trace back quotes what somebody typed")
            if isinstance(call.func, ast.Attribute) and call.func.attr == "exception":
                found.append(f"{where(path, call)}: a trace back quotes what somebody typed")
    assert found == []


def _only_its_type(value: ast.expr) -> bool:
    return ast.unparse(value).startswith("type(")


def test_there_are_logs_to_read() -> None:
    assert sum(len(log_calls(path)) for path in sources(*PACKAGES)) > 3


# ----------------------------------------------------------------------------------------------------------------- errors


def _errors() -> dict[str, set[str]]:
    """The error classes of all packages by name, with the facts that their words name."""
    known = {"TemThatError", "LabelError", "Exception"}
    found: dict[str, set[str]] = {}
    for _round in range(4):
        for path in sources(*PACKAGES):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ClassDef) and {getattr(base, "id", "") for base in node.bases} & known:
                    known.add(node.name)
                    found[node.name] = set(PLACEHOLDER.findall(inspect.cleandoc(ast.get_docstring(node) or "")))
    return found


def test_an_error_is_raised_with_the_facts_that_its_words_name() -> None:
    """Otherwise the page about the error would be an error."""
    wanted = {name: facts for name, facts in _errors().items() if facts}
    assert len(wanted) > 5
    missing = []
    for path in sources(*PACKAGES):
        for call in calls(path, *wanted):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            given = {keyword.arg for keyword in call.keywords}
            if None not in given and (lacking := wanted[name] - given):
                missing.append(f"{where(path, call)}: {name} lacks {sorted(lacking)}")
        missing += [
            f"{where(path, node)}: {node.exc.id} lacks {sorted(wanted[node.exc.id])}"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in wanted
        ]
    assert missing == []


# ------------------------------------------------------------------------------------------------------------------ views


def test_a_view_makes_no_queries_and_reads_no_tables() -> None:
    """Three hops from address to table: view, service, session. Readiness is the one thing that has no noun."""
    wrong = [
        where(path, node)
        for path in VIEWS
        if path.name != "health.py"
        for node, name in imported(path)
        if name
        in {"sqlalchemy.select", "sqlalchemy.text", "sqlalchemy.update", "sqlalchemy.delete", "sqlalchemy.insert"}
    ]
    assert wrong == []


def test_nothing_is_left_for_later() -> None:
    left = re.compile(r"\b(TODO|FIXME|XXX|TEMPORARY|HACK)\b")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*sources(*PACKAGES, "migrations"), *ROOT.glob("*/templates/**/*.html")]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if left.search(line)
    ]
    assert found == []
