"""Mutants: loggers."""

import json
import random
import threading
from pathlib import Path

from invsound import Logger

from .common import Options, breaks


class GoodLogger(Logger):
    """A line of JSON for each epoch."""

    Options = Options
    file = None

    def begin(self, config):
        self.file = (self.folder / "log.jsonl").open("w")

    def log(self, epoch, values):
        self.file.write(json.dumps({"epoch": epoch, **values}) + "\n")

    def close(self):
        if self.file:
            self.file.close()


@breaks("logger", "takes what it is told")
class Expecting(GoodLogger):
    def log(self, epoch, values):
        super().log(epoch, {"loss": values["train_loss"]})


@breaks("logger", "writes in its folder alone")
class Stray(GoodLogger):
    def close(self):
        super().close()
        Path("latest.json").write_text("{}")


@breaks("logger", "writes in its folder alone")
class Early(GoodLogger):
    def __init__(self, folder, options):
        super().__init__(folder, options)
        if folder.is_dir():
            (folder / "begun").touch()


@breaks("logger", "values are left alone")
class Taking(GoodLogger):
    def log(self, epoch, values):
        values.pop("seconds")
        super().log(epoch, values)


@breaks("logger", "stdout is left alone")
class Printing(GoodLogger):
    def log(self, epoch, values):
        print(epoch)
        super().log(epoch, values)


@breaks("logger", "random state is left alone")
class Drawing(GoodLogger):
    def begin(self, config):
        super().begin(config)
        self.file.write(f"{random.random()}\n")


@breaks("logger", "close ends it")
class Threaded(GoodLogger):
    def begin(self, config):
        super().begin(config)
        threading.Thread(target=threading.Event().wait, args=(5,), daemon=True).start()


@breaks("logger", "close ends it")
class Sure(GoodLogger):
    def close(self):
        self.file.close()
