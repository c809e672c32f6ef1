"""What goes wrong in a real browser: a sentence on the page, and the studio goes on: `nox -s browser`."""

import os
import signal

import numpy as np
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("page", [(1280, "light")], indirect=True, ids=["1280-light"])]


@pytest.fixture
def explained():
    """A wrong token and a server that is gone, too."""
    return "status of 40[03]|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE"


def says(page, words):
    """The page has said so; and it is still there."""
    page.wait_for_function("words => document.getElementById('wrong').textContent.includes(words)", arg=words)


@pytest.fixture
def alive(page, drop, wav, tone):
    """After all of it a sound is heard."""
    yield
    drop("after.wav", wav(tone()))
    page.wait_for_function("() => document.querySelector('#sounds option:checked')?.textContent === 'after.wav'")
    page.wait_for_function("() => document.getElementById('notes').textContent.endsWith('.')")
    assert page.inner_text("#wrong") == ""


def test_two_gigabytes_are_too_many(page, alive, tmp_path):
    with (tmp_path / "long.wav").open("wb") as file:
        file.truncate(2 * 2**30)
    page.set_input_files("#files", tmp_path / "long.wav")
    says(page, "long.wav is more than 64 MiB, which is what the studio takes. Give a shorter sound.")


def test_silence_is_no_target(page, alive, drop, wav):
    drop("nothing.wav", wav(np.zeros(2000)))
    says(page, "nothing.wav is silent (below −90 dBFS) throughout.")


def test_a_name_is_no_path(page, alive, drop, wav, tone, address):
    drop("../../etc/passwd", wav(tone()))
    page.wait_for_function("() => document.getElementById('sounds').textContent === 'passwd'")
    outside = page.context.new_page()
    for path in ("page/..%2fapp.py", "page/%2e%2e%2f%2e%2e%2fapp.py", "etc/passwd"):
        outside.goto(address.replace("?", f"{path}?"))
        assert "the address that" in outside.inner_text("body")


def test_a_wrong_token_opens_nothing(page, alive, address):
    other = page.context.new_page()
    other.goto(address[:-1] + ("A" if address[-1] != "A" else "B"))
    assert "the address that it has printed" in other.inner_text("body")
    page.evaluate("() => history.replaceState(null, '', '?token=wrong')")
    page.reload()
    assert "the address that it has printed" in page.inner_text("body")
    page.goto(address)
    page.wait_for_selector("body[data-ready]")


def test_another_page_may_not_ask(page, alive, address):
    """It even knows the token."""
    other = page.context.new_page()
    other.route("http://127.0.0.1:9/", lambda asked: asked.fulfill(body="<title>evil</title>", content_type="text/html"))
    other.goto("http://127.0.0.1:9/")
    base, token = address.split("?token=")
    ask = "([url, more]) => fetch(url, more).then(answer => answer.type, error => error.name)"
    blind = {"method": "POST", "mode": "no-cors", "body": "RIFF"}
    headers = {"X-Invsound-Token": token, "X-Invsound-Tab": "evil-tab"}
    assert other.evaluate(ask, [f"{base}api/parts", {"headers": headers}]) == "TypeError"
    assert other.evaluate(ask, [f"{base}api/sounds?name=x.wav", blind]) in (
        "opaque",
        "TypeError",
    )
    assert page.inner_text("#sounds") == ""


def test_a_synthesizer_that_crashes_goes_on_when_it_is_turned_back(page, choose, alive):
    choose("fuse")
    page.focus("#knob-0")
    page.keyboard.press("End")
    says(page, "The process that computes ended (SIGSEGV): a part crashed it")
    page.keyboard.press("Home")
    page.wait_for_function("() => document.getElementById('wrong').textContent === ''")
    choose("bell")


def test_two_tabs_do_not_see_each_other(page, choose, alive, drop, wav, address):
    choose()
    drop("noise.wav", wav(np.random.default_rng(0).standard_normal(2048) / 4))
    page.wait_for_function("() => document.getElementById('sounds').textContent === 'noise.wav'")
    page.click("#match")
    page.wait_for_selector("#queue li")
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector("body[data-ready]")
    assert other.locator("#queue li").count() == 0
    assert other.inner_text("#sounds") == ""
    other.close()
    page.click("#queue button:has-text('Stop')")
    page.wait_for_function("() => /ended|stopped/.test(document.getElementById('queue').textContent)")


def test_a_server_that_is_killed_in_a_match_is_said(page, choose, drop, wav, served):
    process, address = served()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    choose()
    drop("noise.wav", wav(np.random.default_rng(0).standard_normal(2048) / 4))
    page.wait_for_function("() => document.getElementById('sounds').textContent === 'noise.wav'")
    page.select_option("#budget", "5min")
    page.click("#match")
    page.wait_for_function("() => document.getElementById('queue').textContent.includes('searches')")
    os.kill(process.pid, signal.SIGKILL)
    says(page, "The studio does not answer: it has ended. Start it again with invsound studio")
