"""Renderers of cards: facts in, Markdown out; no number in a card is typed by hand."""
