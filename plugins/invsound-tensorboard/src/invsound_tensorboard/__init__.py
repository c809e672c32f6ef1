"""TensorBoard: curves of a training while it goes on."""

from invsound import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_loggers() -> list[Part]:
    return [Part("tensorboard", "invsound_tensorboard.logger:TensorBoard", "curves of each epoch, for TensorBoard")]
