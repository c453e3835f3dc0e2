/* While a run goes on: loads the page anew every few seconds, and leaves the reader where they were. */
"use strict";
(() => {
  const EVERY = 5000; // ms
  const key = `seedwise ${location.pathname}`;
  const folds = () => [...document.querySelectorAll("details")];
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "null");
  if (kept) {
    folds().forEach((fold, place) => { fold.open = kept.open.includes(place); });
    scrollTo({ top: kept.top, behavior: "instant" });
  }
  let touched = 0;
  for (const what of ["pointermove", "keydown", "wheel", "touchmove"]) {
    addEventListener(what, () => { touched = Date.now(); }, { passive: true });
  }
  setInterval(() => {
    // Not under a reader's hands, and not while nobody looks.
    if (document.hidden || Date.now() - touched < EVERY) return;
    const open = folds().flatMap((fold, place) => (fold.open ? [place] : []));
    sessionStorage.setItem(key, JSON.stringify({ top: scrollY, open }));
    location.reload();
  }, EVERY);
})();
