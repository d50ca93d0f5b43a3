"""Where messages go."""

from __future__ import annotations

import hmac
import json

import pytest

from shelflife.alerts.channels import (
    Apprise,
    NotDeliveredError,
    Webhook,
    channels_of,
    signature,
    try_receivers,
)
from shelflife.errors import UsageError
from shelflife.records.alerts import Message
from shelflife.settings import Settings
from tests.receiver import Receiver, receiving

_SECRET = "0123456789abcdef"
_MESSAGE = Message(id=7, at=10**18, event="begun", kind="failed", key="failed", text="run 3 failed: böse")


def _hook(url: str, *, timeout: float = 5.0) -> Webhook:
    settings = Settings.build(
        base_path="/srv/storage-of-a-test",
        areas={"a": 1},
        alerts={"webhook": {"url": url, "secret": _SECRET}},
    )
    assert settings.alerts.webhook is not None
    return Webhook(settings.alerts.webhook, timeout=timeout)


def test_a_message_is_signed_so_that_its_receiver_can_trust_it() -> None:
    with receiving(Receiver()) as receiver:
        _hook(receiver.url).deliver(_MESSAGE, "/srv/storage")
    (body,), (headers,) = receiver.bodies, receiver.headers
    assert hmac.compare_digest(headers["X-Shelflife-Signature"], signature(_SECRET, body))
    assert headers["X-Shelflife-Signature"] != signature("another secret…", body)
    assert json.loads(body) == {
        "id": 7,
        "at": "2001-09-09T01:46:40+00:00",
        "event": "begun",
        "kind": "failed",
        "key": "failed",
        "text": "run 3 failed: böse",
        "storage": "/srv/storage",
    }


def test_a_signature_is_hmac_sha256_of_the_body() -> None:
    assert signature("key", b"The quick brown fox jumps over the lazy dog") == (
        "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500, 503])
def test_any_answer_but_success_counts_as_not_delivered(status: int) -> None:
    with receiving(Receiver(statuses=[status])) as receiver:
        with pytest.raises(NotDeliveredError, match=str(status)):
            _hook(receiver.url).deliver(_MESSAGE, "/srv/storage")
        assert len(receiver.bodies) == 1


def test_a_receiver_that_hangs_is_given_up_on() -> None:
    with (
        receiving(Receiver(hangs=True)) as receiver,
        pytest.raises(NotDeliveredError, match=r"imed ?out|Timeout") as caught,
    ):
        _hook(receiver.url, timeout=0.1).deliver(_MESSAGE, "/srv/storage")
    assert "token" not in str(caught.value)


def test_a_receiver_that_refuses_is_told_of_without_its_address() -> None:
    with pytest.raises(NotDeliveredError, match="refused") as caught:
        _hook("http://127.0.0.1:1/hook?token=very-secret-token").deliver(_MESSAGE, "/srv/storage")
    assert "127.0.0.1" not in str(caught.value)


def test_secrets_show_in_no_text_of_the_settings() -> None:
    settings = Settings.build(
        base_path="/srv/storage-of-a-test",
        areas={"a": 1},
        alerts={"urls": ["mailto://u:pass-word@x"], "webhook": {"url": "http://x/very", "secret": _SECRET}},
    )
    for text in (repr(settings), str(settings), json.dumps(settings.plain())):
        assert not any(secret in text for secret in ("pass-word", "very", _SECRET))


def _settings(**alerts: object) -> Settings:
    return Settings.build(base_path="/srv/storage-of-a-test", areas={"a": 1}, alerts=alerts)


def test_each_receiver_has_a_channel_whose_name_is_no_address() -> None:
    hook = {"url": "http://127.0.0.1:1/very-secret", "secret": _SECRET}
    settings = _settings(urls=["mailto://u:p@x", "json://y"], webhook=hook)
    channels = channels_of(settings.alerts)
    assert [channel.name for channel in channels] == ["webhook", "alerts.urls[1]", "alerts.urls[2]"]


def test_an_address_that_apprise_cannot_reach_is_told_of_without_it() -> None:
    with pytest.raises(NotDeliveredError) as caught:
        Apprise("nonsense://very-secret", 1).deliver(_MESSAGE, "/srv/storage")
    assert "very-secret" not in str(caught.value)


def test_a_test_message_goes_to_every_receiver_and_says_which_took_it() -> None:
    with receiving(Receiver(statuses=[204])) as receiver:
        settings = _settings(urls=["nonsense://x"], webhook={"url": receiver.url, "secret": _SECRET})
        results = try_receivers(settings.alerts, "/srv/storage", at=10**18)
    assert results["webhook"] is None
    assert results["alerts.urls[1]"]
    assert [json.loads(body)["kind"] for body in receiver.bodies] == ["test"]


def test_where_there_is_nobody_to_tell_a_test_says_so() -> None:
    with pytest.raises(UsageError, match="nobody to tell"):
        try_receivers(_settings().alerts, "/srv/storage", at=0)
