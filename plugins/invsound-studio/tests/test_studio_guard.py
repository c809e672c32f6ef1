"""Who may ask the studio, and how much: a sentence for everybody else."""

import pytest

TOKEN = "a-token-of-these-tests"


def test_the_page_opens_with_its_token_alone(studio):
    assert studio("GET", f"/?token={TOKEN}", headers={"X-Invsound-Token": ""}).status_code == 200
    for query in ("", "?token=", "?token=wrong", f"?tok={TOKEN}", f"?token={TOKEN}x", "?token=%C3%A9"):
        refused = studio("GET", f"/{query}")
        assert refused.status_code == 403
        assert "the address that it has printed" in refused.text


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], "é".encode()])
def test_a_wrong_token_is_refused(token, studio):
    refused = studio("GET", "parts", headers={"X-Invsound-Token": token})
    assert (refused.status_code, "token" in refused.text) == (403, True)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:9999", "null", "http://localhost:8000"])
def test_another_origin_is_refused(origin, studio):
    refused = studio("POST", "bench", headers={"Origin": origin}, json={})
    assert (refused.status_code, refused.text) == (403, "Another page may not ask the studio.")
    assert studio("GET", "parts", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example:8000", "0.0.0.0:8000", "[::1]:8000", ""])
def test_a_name_that_is_not_loopback_is_refused(host, studio):
    refused = studio("GET", f"/?token={TOKEN}", headers={"Host": host})
    assert refused.status_code == 421
    assert "127.0.0.1" in refused.text


def test_every_answer_says_what_the_page_may_load(studio):
    for answer in (studio("GET", f"/?token={TOKEN}"), studio("GET", "parts"), studio("GET", "/nowhere"), studio("GET", "/page/studio.js")):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py",
        "/page/..%2fapp.py",
        "/page/%2e%2e/app.py",
        "/page/%2e%2e%2fapp.py",
        "/page//etc/passwd",
        "/page/index.html%00.js",
        "/etc/passwd",
    ],
)
def test_no_path_is_made_from_what_is_asked_for(path, studio):
    refused = studio("GET", path)
    assert (refused.status_code, refused.text.partition(".")[0]) == (404, "There is no such page")
    assert studio("GET", f"sounds/{path}").status_code in (400, 404)


def test_the_name_of_a_sound_is_no_path(studio, wav):
    file = wav([0.5, -0.5] * 100)
    sound = studio("POST", "sounds?name=../../../etc/passwd", content=file).json()
    assert sound["name"] == "passwd"
    assert studio("GET", f"sounds/{sound['id']}").content == file


def test_two_gigabytes_are_refused_before_they_are_sent(studio):
    refused = studio("POST", "sounds?name=long.wav", headers={"Content-Length": str(2 * 2**30)}, content=b"RIFF")
    assert refused.status_code == 413
    assert "more than 1 MiB, which is what the studio takes" in refused.text
    assert studio("POST", "sounds", headers={"Content-Length": "many"}, content=b"RIFF").status_code == 413


def test_what_does_not_say_its_length_is_counted(studio):
    def endless():
        while True:
            yield bytes(2**16)

    blocks = endless()
    refused = studio("POST", "sounds?name=long.wav", content=(next(blocks) for _ in range(64)))
    assert refused.status_code == 413
    assert studio("GET", "parts").status_code == 200
    assert refused.text.endswith("Give a shorter sound.")
