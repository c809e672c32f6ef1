"""The parts every run needs, offered through the same hooks as anybody's."""

from ..hooks.specs import Part, hookimpl

INVSOUND_API = 2


@hookimpl
def invsound_losses() -> list[Part]:
    return [Part("ploss", "invsound.builtin.ploss:PLoss", "½‖ν̂ − ν‖², the parameter loss")]


@hookimpl
def invsound_optimizers() -> list[Part]:
    return [
        Part("adam", "invsound.builtin.optimizers:Adam", "Adam (Kingma & Ba 2015)"),
        Part("adamw", "invsound.builtin.optimizers:AdamW", "Adam with decoupled weight decay (Loshchilov & Hutter 2019)"),
        Part("sgd", "invsound.builtin.optimizers:SGD", "stochastic gradient descent with momentum"),
    ]


@hookimpl
def invsound_encoders() -> list[Part]:
    return [
        Part("cnn", "invsound.builtin.cnn:CNN", "small convolutional network on a log-CQT, fast on a CPU"),
        Part(
            "equivariant", "invsound.builtin.equivariant:Equivariant", "convolutions along log-frequency, which tell pitches finely apart"
        ),
        Part(
            "efficientnet-b0", "invsound.builtin.efficientnet:EfficientNetB0", "EfficientNet-B0 on a log-CQT (Tan & Le 2019), as published"
        ),
    ]


@hookimpl
def invsound_solvers() -> list[Part]:
    return [
        Part("lm", "invsound.builtin.lm:LevenbergMarquardt", "Levenberg–Marquardt with forward-mode Jacobians and bounds"),
        Part("descent", "invsound.builtin.descent:Descent", "gradient descent on ν by Adam"),
    ]


@hookimpl
def invsound_executors() -> list[Part]:
    return [Part("local", "invsound.builtin.local:Local", "worker processes of this machine")]
