"""What installs Concord agrees with itself: locks, Dockerfile, docker-compose.yaml, generated pages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from concord.docs import PAGES, main

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements.image.lock")
CELERY_SHAPE = {
    *("postgres", "redis", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor"),
    *("airflow-worker", "airflow-triggerer", "airflow-init"),
}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^ ;]+)", text(lock), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash_and_no_address(lock: str) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", text(lock))
    assert [block.partition("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text(lock))


def test_the_image_has_the_airflow_of_the_lock() -> None:
    version = pinned("requirements.lock")["apache-airflow"]
    assert f"FROM apache/airflow:{version}-" in text("Dockerfile")
    assert pinned("requirements.image.lock")["apache-airflow"] == version


def test_both_locks_agree_on_what_they_share() -> None:
    ours, image = (pinned(lock) for lock in LOCKS)
    assert {name for name in ours.keys() & image.keys() if ours[name] != image[name]} == set()


def test_compose_has_the_shape_of_a_cluster() -> None:
    compose = yaml.safe_load(text("docker-compose.yaml"))
    assert set(compose["services"]) >= CELERY_SHAPE
    assert compose["services"]["airflow-cli"]["profiles"] == ["debug"]
    assert compose["services"]["flower"]["profiles"] == ["flower"]


def test_compose_asks_only_for_what_the_example_lists() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+):?[?]", text("docker-compose.yaml")))
    listed = set(re.findall(r"^([A-Z0-9_]+)=", text(".env.example"), flags=re.MULTILINE))
    assert asked <= listed


def settings_of(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service.get("environment", {}).items()}


def secrets_in(services: dict[str, dict[str, Any]]) -> list[str]:
    """``service: NAME`` of every secret, or password inside a URL, that is not taken from .env."""
    named, in_url = re.compile(r"PASSWORD|SECRET|KEYS?$|_AUTH$"), re.compile(r"://[^:/@]*:(?!\$\{)[^@]+@")
    return [
        f"{service}: {name}"
        for service, declared in services.items()
        for name, value in settings_of(declared).items()
        if (named.search(name) and not value.startswith("${")) or in_url.search(value)
    ]


def test_no_secret_stands_in_compose() -> None:
    assert secrets_in(yaml.safe_load(text("docker-compose.yaml"))["services"]) == []


@pytest.mark.parametrize("declared", [{"DB_PASSWORD": "airflow"}, {"CONN": "postgresql://airflow:airflow@postgres/a"}])
def test_a_secret_in_compose_would_be_seen(declared: dict[str, str]) -> None:
    assert secrets_in({"service": {"environment": declared}})


def test_only_who_works_on_deliveries_gets_the_keys() -> None:
    services = yaml.safe_load(text("docker-compose.yaml"))["services"]
    holders = {name for name, declared in services.items() if "CONCORD_SEAL_KEYS" in settings_of(declared)}
    assert holders == {"airflow-worker", "airflow-dag-processor", "concord-init", "concord-cli"}


def test_ports_are_open_to_this_machine_only() -> None:
    services = yaml.safe_load(text("docker-compose.yaml"))["services"]
    ports = [port for declared in services.values() for port in declared.get("ports", [])]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    assert main(["--project", str(tmp_path)]) == 0
    return tmp_path


def test_generated_pages_are_fresh(pages: Path) -> None:
    assert main(["--check", "--project", str(pages)]) == 0


@pytest.mark.parametrize("page", PAGES)
def test_a_stale_page_is_named(page: str, pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pages / "docs" / page).write_text("old")
    assert main(["--check", "--project", str(pages)]) == 1
    assert page in capsys.readouterr().err
