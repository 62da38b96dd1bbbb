"""The web page: a small chat for the browser, served by one aiohttp server."""

from adapters.web.adapter import Web

__all__ = ["Web"]
