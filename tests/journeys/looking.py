"""Looking at a page as axe-core does, and at what a telephone cuts off."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
WIDE = {"width": 1400, "height": 900}
PHONE = {"width": 390, "height": 844}
_GRAVE = ("critical", "serious")

# Contrasts take two thirds of the time: without *closely* they are looked at on pages
# of our own drawing. The menu is the same on all: it is looked at where *frame* says.
_LOOK = """
async ([frame, closely]) => {
  const contrast = closely || frame || document.querySelector('.co-page') !== null;
  const found = await axe.run(frame ? document : {exclude: ['#nav-sidebar']}, {
    resultTypes: ['violations'],
    rules: {'color-contrast': {enabled: contrast}},
  });
  return found.violations.flatMap(fault => fault.nodes.map(
    node => [fault.impact, fault.id, node.target.join(' '), node.html.slice(0, 120)],
  ));
}
"""
# What can be seen, and stands beside the screen, or is cut by its own box: not what is
# scrolled to, nor what says by three dots that it goes on.
_CUT_OFF = """
() => {
  const found = [];
  const width = window.innerWidth;
  if (document.documentElement.scrollWidth > width) {
    found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  }
  const isSeen = one => one.checkVisibility(
    {opacityProperty: true, visibilityProperty: true},
  );
  const isScrolledTo = one => {
    for (let up = one; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.clipPath !== 'none' || style.clip !== 'auto') return true;
      if (up !== one && ['auto', 'scroll'].includes(style.overflowX)) return true;
    }
    return false;
  };
  const says = one => [...one.childNodes].some(
    part => part.nodeType === Node.TEXT_NODE && part.data.trim(),
  );
  for (const one of document.body.querySelectorAll('*')) {
    const {overflowY, textOverflow} = getComputedStyle(one);
    if (one.matches('a, dd, h1, h2, li, p, span, td, th') && overflowY === 'hidden'
        && textOverflow !== 'ellipsis' && isSeen(one) && one.clientHeight > 2
        && one.scrollHeight > one.clientHeight + 8) {
      found.push(`${one.outerHTML.slice(0, 120)} is cut: ${one.innerText}`);
    }
    const isControl = one.matches('a, button, input, select, textarea, [role=button]');
    if (!isControl && !says(one)) continue;
    const box = one.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    if (box.right <= width + 1 && box.left >= -1) continue;
    if (!isSeen(one) || isScrolledTo(one)) continue;
    const place = `${Math.round(box.left)} to ${Math.round(box.right)}`;
    found.push(`${one.outerHTML.slice(0, 120)} is at ${place}`);
  }
  return found;
}
"""


@dataclass(frozen=True, slots=True)
class Looker:
    """A tab, and whether pages are looked at closely: in the dark, and narrow, too."""

    tab: Any
    closely: bool

    def faults(self, name: str, *, frame: bool = False) -> list[str]:
        """Return what is wrong with the page that the tab shows."""
        found = list(self._axe(f"{name}, wide", frame=frame))
        self.tab.set_viewport_size(PHONE)
        found += [f"{name}, narrow: {one}" for one in self.tab.evaluate(_CUT_OFF)]
        if self.closely:
            found += self._axe(f"{name}, narrow")
            self.tab.emulate_media(color_scheme="dark")
            found += self._axe(f"{name}, narrow and dark")
            self.tab.set_viewport_size(WIDE)
            found += self._axe(f"{name}, dark", frame=frame)
            self.tab.emulate_media(color_scheme="light")
        self.tab.set_viewport_size(WIDE)
        return found

    def faults_in_large_text(self, name: str) -> list[str]:
        """Return what is wrong where a reader has text twice as large."""
        self.tab.add_style_tag(content="html, body { font-size: 200% }")
        return self.faults(f"{name}, large text")

    def _axe(self, name: str, *, frame: bool = False) -> Iterable[str]:
        if not self.tab.evaluate("'axe' in window"):
            self.tab.evaluate(_AXE)
        for said in self.tab.evaluate(_LOOK, [frame, self.closely]):
            if said[0] in _GRAVE:
                yield f"{name}: {' '.join(said)}"
