"""The page in a real browser, as people use it: `nox -s browser`."""

import json

import pytest

pytestmark = pytest.mark.browser


def text(page, id):
    return page.inner_text(f"#{id}")


def test_a_sound_is_dropped_matched_played_turned_saved_and_opened_again(page, choose, drop, audited, wav, tone, tmp_path):
    assert audited() == []
    choose()
    drop("tone.wav", wav(tone()))
    page.wait_for_function("() => document.getElementById('notes').textContent.includes('peak normalised')")
    page.select_option("#budget", "60s")
    page.click("#match")
    page.wait_for_function("() => document.getElementById('said').textContent === 'Matched tone.wav.'")
    found = text(page, "distance")
    assert "± " in text(page, "knobs")
    assert "invsound match tone.wav --synth bell --feature mss" in text(page, "command")
    page.click("#play")
    assert text(page, "said") == "Playing the sound."
    page.keyboard.press("b")
    assert text(page, "said") == "Playing the recording."
    page.focus("#knob-0")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("before => document.getElementById('distance').textContent !== before", arg=found)
    assert float(text(page, "distance")) > float(found)
    value = page.get_attribute("#knob-0", "aria-valuetext")
    page.select_option("#knob-2", "bright")
    page.keyboard.press("Tab")
    page.keyboard.press("d")
    assert "red where the sound is louder" in text(page, "right-title").lower()
    with page.expect_download() as download:
        page.click("#save-json")
    file = tmp_path / "saved.json"
    download.value.save_as(file)
    saved = json.loads(file.read_text())
    assert (saved["synth"], saved["options"]) == ("bell", ["feature.n_fft=[256]", "match.candidates=8"])
    assert saved["parameters"]["wave"] == "bright"
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("#queue li").count() == 1
    page.set_input_files("#open", str(file))
    page.wait_for_function("() => document.getElementById('said').textContent === 'Opened saved.json.'")
    assert page.get_attribute("#knob-0", "aria-valuetext") == value
    assert page.input_value("#knob-2") == "bright"
    assert audited() == []


def test_what_goes_wrong_is_a_sentence_on_the_page(page, choose, drop, audited):
    choose()
    drop("letter.txt", b"Dear sir, this is no sound." * 9)
    page.wait_for_function("() => document.getElementById('wrong').textContent.startsWith('letter.txt is not a sound file')")
    page.click("summary")
    page.fill("#lines", "synth.num_sample=9")
    page.click("#apply")
    page.wait_for_function("() => document.getElementById('wrong').textContent.includes(\"Did you mean 'num_samples'\")")
    page.fill("#lines", "")
    page.select_option("#synth", "organ")
    page.wait_for_function("() => document.querySelectorAll('.knob').length === 145")
    assert page.is_hidden("#save-preset")
    assert audited() == []


@pytest.mark.parametrize("page", [(390, "light")], indirect=True, ids=["390-light"])
def test_a_run_is_opened_answers_at_once_and_its_preset_is_saved(page, toy, tmp_path):
    page.select_option("#run", str(toy))
    page.wait_for_function("() => document.getElementById('said').textContent.endsWith('its encoder answers at once.')")
    assert page.input_value("#lines") == "synth.num_samples=1024\nfeature.n_fft=[256]"
    assert page.inner_text("#sounds").split() == ["test-00-target.wav", "test-01-target.wav"]
    page.click("#guess")
    page.wait_for_function("() => document.getElementById('said').textContent.endsWith('toy says this at once.')")
    assert float(text(page, "distance")) > 0
    with page.expect_download() as download:
        page.click("#save-preset")
    assert download.value.suggested_filename == "sound.bell"
    download.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_text().startswith("sound: ")
    page.select_option("#synth", "organ")
    page.wait_for_function("() => document.querySelectorAll('.knob').length === 145")
    assert page.input_value("#run") == ""


@pytest.mark.parametrize("page", [(1280, "dark")], indirect=True, ids=["1280-dark"])
def test_what_a_microphone_hears_is_a_sound_as_others(page):
    """Chromium's own microphone beeps, about twice a second."""
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    page.wait_for_timeout(1500)
    page.click("#record")
    page.wait_for_function("() => document.getElementById('notes').textContent.includes('resampled')")
    assert page.inner_text("#sounds").strip() == "recording 1.wav"
    assert page.get_attribute("#record", "aria-pressed") == "false"
    ended = float(page.get_attribute("#end", "aria-valuetext").split()[0])
    assert 1 < ended < 60
    page.click("#hear")
    page.wait_for_function("() => document.getElementById('said').textContent === 'Playing the recording.'")
