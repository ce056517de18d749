"""What a page is given before its own files, so that a test knows what it let sound and what was a hand.
It proves nothing by itself."""

from __future__ import annotations

from typing import Final

HEARD: Final = """window.heard = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...given) { window.heard.push(this.frequency.value); return start.apply(this, given); };"""
"""Each note that begins, by its pitch in Hz."""
HANDS: Final = """let touched = false;
for (const kind of ["pointerdown", "keydown"]) window.addEventListener(kind, () => { touched = true; }, true);
Object.defineProperty(navigator, "userActivation", { value: { get hasBeenActive() { return touched; } } });"""
"""A hand is a key or a pointer alone. The driver asks a page its questions as if a hand had, and the browser then counts one: a page whose files come late
would find itself touched by whoever only looked at it."""
