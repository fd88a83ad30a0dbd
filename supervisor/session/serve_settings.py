"""From arguments, environment and file to options of `serve` that hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..options import platform, serve_flags, settings
from ..options.settings import Settings
from ..options.spec import ServeOptions, SpecError
from . import validation


def serve_settings(argv: Sequence[str], environ: Mapping[str, str]) -> ServeOptions:
    """Validated settings. Raises SpecError, whose text names the places of all that is wrong."""
    found: Settings | None = None
    try:
        found = settings.read(argv, environ)
        options = serve_flags.serve_options(found.arguments)
        platform.check_ports(options, found.arguments.sagemaker_safe_port_range)
        validation.check(options)
    except SpecError as error:
        if found is None:
            raise
        located = SpecError("", "")
        located.args = (found.located(error),)
        raise located from error
    return options
