"""What installs Concord agrees with itself: locks, Dockerfile, docker-compose.yaml, generated pages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from concord.connections import check_server
from concord.docs import PAGES, main
from concord.sandbox.airflow_home import AirflowHome, resilience

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


def test_the_server_of_compose_keeps_values_out_of_its_log() -> None:
    command = yaml.safe_load(text("docker-compose.yaml"))["services"]["postgres"]["command"]
    given = dict(option.removeprefix("-c").split("=") for option in command[1:])
    assert list(check_server("compose", given)) == []
    assert {finding.rule for finding in check_server("compose", {})} == {f"server.{name}" for name in given}


def test_compose_asks_only_for_what_the_example_lists() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+):?[?]", text("docker-compose.yaml")))
    listed = set(re.findall(r"^([A-Z0-9_]+)=", text(".env.example"), flags=re.MULTILINE))
    secrets = yaml.safe_load(text("docker-compose.yaml"))["secrets"].values()
    assert asked | {secret["environment"] for secret in secrets} <= listed


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
    mounted = {name for name, declared in services.items() if "concord-seal-keys" in declared.get("secrets", ())}
    told = {name for name, declared in services.items() if "CONCORD_SEAL_KEYS_FILE" in settings_of(declared)}
    assert mounted == told == {"airflow-worker", "airflow-dag-processor", "concord-init", "concord-cli"}


def test_keys_are_mounted_and_stand_in_no_environment() -> None:
    services = yaml.safe_load(text("docker-compose.yaml"))["services"]
    keys = {"CONCORD_SEAL_KEYS", "CONCORD_TOKEN_KEYS"}
    assert [name for name, declared in services.items() if keys & set(settings_of(declared))] == []


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


# ── faults ─────────────────────────────────────────────────────────────────────


def airflow_services() -> dict[str, dict[str, Any]]:
    services = yaml.safe_load(text("docker-compose.yaml"))["services"]
    return {name: declared for name, declared in services.items() if name.startswith("airflow-")}


def known_options() -> set[str]:
    """``AIRFLOW__SECTION__OPTION`` of everything that the installed Airflow knows."""
    from airflow.configuration import conf

    known = conf.configuration_description
    return {f"AIRFLOW__{s}__{o}".upper() for s, section in known.items() for o in section["options"]}


def test_compose_and_sandbox_survive_by_the_same_settings(tmp_path: Path) -> None:
    shared = resilience()
    sandbox = AirflowHome.create(tmp_path, database_url="postgresql://a@b/c", project=ROOT).environment()
    assert shared
    assert {name: sandbox[name] for name in shared} == shared
    for name, declared in airflow_services().items():
        assert declared["env_file"] == "include/concord/airflow.env", name
        assert not shared.keys() & declared["environment"].keys(), name


def test_every_setting_is_one_that_airflow_knows(tmp_path: Path) -> None:
    """It ignores any other without a word."""
    sandbox = AirflowHome.create(tmp_path, database_url="postgresql://a@b/c", project=ROOT).environment()
    compose = {name for declared in airflow_services().values() for name in declared["environment"]}
    given = {name for name in compose | sandbox.keys() if name.startswith("AIRFLOW__")}
    of_a_provider = {name for name in given if name.startswith("AIRFLOW__CELERY__")}  # which is in the image only
    assert given - of_a_provider - known_options() == set()
    assert "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEAT" not in known_options()


def away_for(settings: dict[str, str], name: str) -> float:
    return float(settings[f"AIRFLOW__{name}"])


def test_an_api_server_may_be_away_for_longer_than_its_restart_takes() -> None:
    """Two limits count: silence until the scheduler takes a task for lost, and patience of a task's requests."""
    settings = resilience()
    waits = sum(min(2**n, away_for(settings, "WORKERS__EXECUTION_API_RETRY_WAIT_MAX")) for n in range(29)) / 2
    assert away_for(settings, "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT") >= 300
    assert away_for(settings, "WORKERS__EXECUTION_API_RETRIES") == 30
    assert waits > 120


def test_a_dead_service_is_started_again() -> None:
    services = yaml.safe_load(text("docker-compose.yaml"))["services"]
    lasting = {name: service for name, service in services.items() if not name.endswith(("-init", "-cli", "-keys"))}
    assert {name for name, service in lasting.items() if service.get("restart") != "always"} == set()
    unwatched = {name for name, service in lasting.items() if "healthcheck" not in service}
    assert unwatched == {"partner", "s3"}, "only stand-ins may be silent"
