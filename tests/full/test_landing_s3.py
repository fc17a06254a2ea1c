"""The same archive in an object store: a real S3 API on 127.0.0.1, through fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from concord.errors import LandingDamaged
from concord.landing import Checkpoint, Landing, Manifest
from concord.protect import KeyRing

boto3: Any = pytest.importorskip("boto3")  # comes with moto
pytestmark = pytest.mark.full

URL = "s3://landing/concord/phi"
KEYS = {"k1": b"\1" * 32}
CANARY = b"CANARY-900-01-0001-Quillfeather\n"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Address of a running S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, and the environment that leads there."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="landing")
    yield client
    for entry in client.list_objects_v2(Bucket="landing").get("Contents", ()):
        client.delete_object(Bucket="landing", Key=entry["Key"])
    client.delete_bucket(Bucket="landing")
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.fixture
def landing(bucket: Any) -> Landing:
    """An empty archive in the bucket."""
    return Landing(URL, KeyRing(KEYS, KEYS))


def names(bucket: Any) -> list[str]:
    """Every key of the bucket."""
    return [entry["Key"] for entry in bucket.list_objects_v2(Bucket="landing").get("Contents", ())]


def land(landing: Landing, body: bytes) -> Manifest:
    """``body`` landed and sealed."""
    with landing.begin("7k2m9xab", 1) as writer:
        writer.write(body)
        return writer.seal((Checkpoint(0, 1, 0),))


@pytest.mark.parametrize(
    "length", [0, 1, 1 << 20, (1 << 20) + 1, 20 << 20], ids=["empty", "one", "chunk", "more", "multipart"]
)
def test_what_was_landed_reads_back_from_any_byte(landing: Landing, bucket: Any, length: int) -> None:
    body = os.urandom(length)
    manifest = land(landing, body)
    landing.verify(manifest)
    for offset in {0, length // 2, length}:
        with landing.open(manifest, offset=offset) as stream:
            assert stream.read() == body[offset:]
    assert sorted(names(bucket)) == sorted(f"concord/phi/{path}" for path in (manifest.object_url, manifest.path))
    assert list(landing.sealed_objects()) == [manifest.object_url]
    assert list(landing.orphans()) == list(landing.parts()) == []


def test_an_equal_object_is_kept(landing: Landing, bucket: Any) -> None:
    first = land(landing, CANARY)
    assert land(Landing(URL, KeyRing(KEYS, KEYS)), CANARY) == first
    assert len(names(bucket)) == 2


def test_of_two_writers_of_one_content_the_first_manifest_wins(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = land(landing, CANARY)
    answers = iter([None])
    look = landing._intact
    monkeypatch.setattr(landing, "_intact", lambda sha256: next(answers, look(sha256)))
    assert land(landing, CANARY) == first
    landing.verify(first)
    assert list(landing.orphans()) == []


@pytest.mark.parametrize("length", [100, 20 << 20], ids=["small", "multipart"])
def test_leaving_without_seal_leaves_nothing_not_even_an_upload(landing: Landing, bucket: Any, length: int) -> None:
    with landing.begin("7k2m9xab", 1) as writer:
        writer.write(bytes(length))
        assert [name.rpartition(".")[2] for name in names(bucket)] == ["key"]
    assert names(bucket) == []
    assert "Uploads" not in bucket.list_multipart_uploads(Bucket="landing")


def test_a_truncated_altered_or_missing_object_is_seen(landing: Landing, bucket: Any) -> None:
    manifest = land(landing, CANARY * 100_000)
    key = f"concord/phi/{manifest.object_url}"
    whole = bucket.get_object(Bucket="landing", Key=key)["Body"].read()
    assert CANARY[:12] not in whole
    for changed in (whole[:-1], whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1])):
        bucket.put_object(Bucket="landing", Key=key, Body=changed)
        with pytest.raises(LandingDamaged):
            landing.verify(manifest)
    bucket.delete_object(Bucket="landing", Key=key)
    with pytest.raises(LandingDamaged, match="missing"):
        landing.open(manifest)


def test_without_its_manifest_an_object_does_not_count(landing: Landing, bucket: Any) -> None:
    manifest = land(landing, CANARY)
    bucket.delete_object(Bucket="landing", Key=f"concord/phi/{manifest.path}")
    assert not landing.exists(manifest.sha256)
    assert list(landing.sealed_objects()) == []
    with pytest.raises(LandingDamaged, match="no manifest"):
        landing.verify(manifest)
