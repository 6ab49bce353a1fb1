"""A model behind HTTP: texts in, Documents or a graph out, and a page to try it.

FastAPI and uvicorn are needed (``pip install joint-ie[server]``); nothing else imports this room. A request passes
`guard` (whose is it, is there a place for it), `asking` (what is asked), `batching` (the one thread that owns the
model) and `answers` (which form it takes); `application` puts these together, and `running` serves them.
"""
