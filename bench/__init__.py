"""Measurements: each a command that prints a ratio against a named limit of the same run. `python -m bench.NAME` from the root."""

import logging

import structlog


def quiet() -> None:
    """No line a request between the figures; what goes wrong is still said. To be called once the application is made."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
