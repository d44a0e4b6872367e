"""One run of the benchmark: what all parts share."""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from harness.design import MODULES, Design, Setting
from harness.machine import Load


@dataclass
class Bench:
    # The load generator's program.
    binary: Path
    module: Path
    # Logs and temporary files.
    work: Path
    quick: bool
    say: Callable[[str], None]
    # Certificate and key of both ends, where they have TLS.
    certificates: tuple[Path, Path]
    # What bench/peers.toml is for.
    peers: Path
    # Rounds, where the command line says how many.
    asked_rounds: int | None = None
    load: Load | None = None

    @property
    def has_lua(self):
        return (MODULES / "ngx_http_lua_module.so").exists()

    def rounds(self, full, quick):
        return self.asked_rounds or (quick if self.quick else full)

    def window(self, counts):
        """Seconds of one run at full speed, in the parts whose rows are many."""
        return (0.3 if self.quick else 0.7) if counts else 0.2

    def say_cpu(self, what, results):
        self.say(f"{what}: " + ", ".join(f"{name} {numbers['cpu_us']:.1f} us" for name, numbers in results.items()))

    @contextmanager
    def origin(self, addresses=1):
        """The origin, at so many addresses, while the block runs."""
        before, self.load = self.load, Load(self.binary, self.certificates, addresses)
        try:
            yield self.load
        finally:
            self.load.stop()
            self.load = before

    @contextmanager
    def designs(self, *wanted, setting=Setting(), environment=None):
        """Designs that run while the block does: the names of kinds, or (name, kind, setting)."""
        designs = []
        try:
            for item in wanted:
                name, kind, own = (item, item, setting) if isinstance(item, str) else item
                designs.append(Design(self, kind, own, name, environment))
                designs[-1].start_seconds = designs[-1].start()
            yield designs
        finally:
            for design in designs:
                design.stop()

    def compared(self):
        """The designs of the parts that compare all three."""
        if not self.has_lua:
            self.say("Lua is left out: Debian's libnginx-mod-http-lua is not installed")
        return ["plain", "module", "lua"] if self.has_lua else ["plain", "module"]
