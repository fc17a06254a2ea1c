"""Where a partner may send us, and what its host names may stand for."""

from __future__ import annotations

import pytest

from concord.acquire.http.addresses import Addresses, kind
from concord.acquire.http.urls import LONGEST_URL, Reach, UrlRefused, same_origin
from concord.errors import SourceRefused

REACH = Reach.of("https://ehr.example/fhir/", ("files.example", "store.example:8443"))
LOCAL = Reach.of("http://127.0.0.1:9000/fhir")


@pytest.mark.parametrize(
    "url",
    [
        "https://ehr.example/fhir/jobs/7",
        "https://EHR.example./x",
        "https://ehr.example:8443/x",
        "https://files.example/a?sig=b%2Fc",
        "https://store.example:8443/a",
    ],
)
def test_the_base_and_what_was_agreed_on_may_be_followed(url: str) -> None:
    assert REACH.checked(url, "file 1") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://ehr.example/fhir/jobs/7",
        "ftp://ehr.example/x",
        "file:///etc/passwd",
        "//ehr.example/x",
        "jobs/7",
        "",
        "https://",
        "https://evil.example/x",
        "https://ehr.example.evil.example/x",
        "https://evilehr.example/x",
        "https://sub.files.example/x",
        "https://store.example/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://user@ehr.example/x",
        "https://ehr.example:pw@evil.example/x",
        "https://ehr.example\\@evil.example/x",
        "https://evil.example\\.ehr.example/x",
        "https://ehr.example/a\\b",
        "https://ehr.example/a b",
        "https://ehr.example/a\r\nHost: evil",
        "https://ehr.example/\x00",
        "https://ehr\u3002example/x",
        "https://ehr.example:99999999/x",
        "https://ehr.example/" + "a" * LONGEST_URL,
    ],
)
def test_no_other_place_may_be_followed(url: str) -> None:
    with pytest.raises(UrlRefused, match=r"acquire\.url_refused: file 1") as caught:
        REACH.checked(url, "file 1")
    assert not url or url not in str(caught.value)


def test_plain_http_is_followed_only_from_this_machine_to_itself() -> None:
    assert LOCAL.checked("http://127.0.0.1:9001/x", "file 1")
    with pytest.raises(UrlRefused):
        LOCAL.checked("http://10.0.0.1/x", "file 1")


@pytest.mark.parametrize(
    "base", ["http://ehr.example", "ehr.example", "", "https://me:pw@ehr.example", "http://127.0.0.1.evil.example"]
)
def test_a_base_has_to_be_https(base: str) -> None:
    with pytest.raises(SourceRefused, match="base URL") as caught:
        Reach.of(base)
    assert "pw" not in str(caught.value)


def test_a_relative_url_is_seen_from_where_it_was_read() -> None:
    assert REACH.joined("https://ehr.example/fhir/jobs/7", "../files/1", "file 1") == "https://ehr.example/fhir/files/1"
    with pytest.raises(UrlRefused):
        REACH.joined("https://ehr.example/fhir/jobs/7", "//evil.example/1", "file 1")


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://ehr.example:443/y?z", True),
        ("https://EHR.EXAMPLE/", True),
        ("https://ehr.example:444/", False),
        ("http://ehr.example/", False),
        ("https://ehr.example.evil.example/", False),
        ("nonsense", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(other: str, is_same: bool) -> None:
    assert same_origin("https://ehr.example/fhir", other) is is_same


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", "internet"),
        ("2606:2800:220:1::1", "internet"),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "link"),
        ("fe80::1%eth0", "link"),
        ("::ffff:169.254.169.254", "link"),
        ("2002:7f00:1::", "loopback"),
        ("0.0.0.0", "other"),
        ("224.0.0.1", "other"),
        ("::", "other"),
    ],
)
def test_addresses_have_kinds(address: str, expected: str) -> None:
    assert kind(address) == expected


def names(**found: str) -> Addresses:
    """A world of names (``_`` for a dot), whose base is ``ehr.example``."""
    known = {name.replace("_", "."): addresses.split() for name, addresses in found.items()}
    return Addresses("ehr.example", resolve=lambda host, _: known[host])


def test_a_name_of_the_internet_may_not_lead_into_our_network() -> None:
    world = names(ehr_example="93.184.216.34", files_example="10.0.0.5")
    with pytest.raises(UrlRefused):
        world.of("files.example", 443)


def test_one_bad_address_among_good_ones_is_enough() -> None:
    world = names(ehr_example="93.184.216.34", files_example="93.184.216.35 169.254.169.254")
    with pytest.raises(UrlRefused):
        world.of("files.example", 443)


def test_a_partner_behind_a_vpn_may_lead_to_its_private_addresses_but_not_to_the_link() -> None:
    world = names(ehr_example="10.1.1.1", files_example="10.1.1.2", evil_example="169.254.169.254", me_example="::1")
    assert world.of("ehr.example", 443) == ["10.1.1.1"]
    assert world.of("files.example", 443) == ["10.1.1.2"]
    for host in ("evil.example", "me.example"):
        with pytest.raises(UrlRefused):
            world.of(host, 443)


def test_what_nobody_has_as_an_address_is_never_gone_to() -> None:
    world = names(ehr_example="0.0.0.0", files_example="0.0.0.0")
    with pytest.raises(UrlRefused):
        world.of("files.example", 443)
