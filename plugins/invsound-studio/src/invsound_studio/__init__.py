"""The studio: a local page where one drops a sound, hears what was found, and turns the knobs."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_commands() -> list[Part]:
    return [Part("studio", "invsound_studio.command:studio", "Open a local page: drop a sound, hear the match, turn the knobs.")]
