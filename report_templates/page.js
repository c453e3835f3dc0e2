/* Draws the charts one after the other, so that the page can be read meanwhile. */
"use strict";
(async () => {
  for (const place of document.querySelectorAll(".chart")) {
    const spec = JSON.parse(place.querySelector("script").textContent);
    const canvas = place.querySelector(".canvas");
    await vegaEmbed(canvas, spec, { mode: "vega-lite", renderer: "svg", actions: false });
    await new Promise((resolve) => setTimeout(resolve));
  }
  document.documentElement.dataset.charts = "drawn";
})();
