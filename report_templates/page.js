/* Draws the charts one after the other, those in sight first, so that the page can be read meanwhile. */
"use strict";
(() => {
  const CHARTS = ".panel:has(.chart)";

  const value = (control) =>
    control.type === "checkbox" ? control.checked : control.value;

  /* Every chart of a figure shows what the figure's controls and its own say. */
  const apply = (figure) => {
    for (const panel of figure.querySelectorAll(".panel")) {
      const { view } = panel;
      if (!view) continue; // not drawn yet
      const [keys, controls] = ['.key[aria-pressed="false"]', "[data-signal]"].map((which) =>
        [...figure.querySelectorAll(which)].filter((one) => [null, panel].includes(one.closest(".panel"))),
      );
      view.signal("hidden", keys.map((key) => key.dataset.name));
      for (const control of controls)
        if (control.type !== "radio" || control.checked) view.signal(control.dataset.signal, value(control));
      view.runAsync();
    }
  };

  /* Hides or shows what a key names, or all others; when nothing would be left, all is shown again. */
  const toggle = (key, others) => {
    const keys = [...key.closest(".legend").querySelectorAll(".key")];
    const pressed = (one) => one.getAttribute("aria-pressed") === "true";
    const after = keys.map((one) => (others ? one === key : pressed(one) !== (one === key)));
    const same = keys.every((one, i) => pressed(one) === after[i]);
    const all = same || !after.includes(true);
    keys.forEach((one, i) => one.setAttribute("aria-pressed", all || after[i]));
  };

  document.addEventListener("click", (event) => {
    const key = event.target.closest(".key");
    if (!key) return;
    toggle(key, event.shiftKey);
    apply(key.closest("figure"));
  });

  document.addEventListener("change", ({ target }) => {
    if (!target.dataset.signal) return;
    const { alt, log } = target.selectedOptions?.[0]?.dataset ?? {};
    const panel = target.closest(".panel");
    if (alt) panel.querySelector(".chart").setAttribute("aria-label", alt);
    if (log) panel.querySelector('[data-signal="log"]').checked = log === "true";
    apply(target.closest("figure"));
  });

  /* The content of a script element, which is packed where that is shorter. */
  const content = async ({ type, textContent }) => {
    if (type === "application/json") return JSON.parse(textContent);
    const bytes = Uint8Array.from(atob(textContent), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(plain).json();
  };

  /* What stands beside a chart: all of it, or the parameters in which it differs from the figure's first chart. */
  const specification = async (panel) => {
    const figure = panel.closest("figure");
    const spec = await content(panel.querySelector(".specification"));
    if (!spec.layer) {
      const ours = new Map(spec.params.map((param) => [param.name, param]));
      Object.assign(spec, await content(figure.querySelector(".specification")));
      spec.params = spec.params.map((param) => ours.get(param.name) ?? param);
    }
    const shared = figure.querySelector(".datasets");
    spec.datasets = shared ? await content(shared) : {};
    return spec;
  };

  const draw = async (panel) => {
    const spec = await specification(panel);
    const canvas = panel.querySelector(".canvas");
    const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true };
    panel.view = (await vegaEmbed(canvas, spec, options)).view;
    panel.view.logLevel(1); // errors: an axis of which everything is hidden is none
    apply(panel.closest("figure"));
  };

  /* Only what can be seen has a width to be drawn for. */
  const folded = (panel) => panel.closest("details:not([open])");

  document.addEventListener(
    "toggle",
    async ({ target }) => {
      if (target.open) for (const panel of target.querySelectorAll(CHARTS)) if (!panel.view && !folded(panel)) await draw(panel);
    },
    true,
  );

  const distance = (panel) => Math.abs(panel.getBoundingClientRect().top);

  (async () => {
    const left = new Set([...document.querySelectorAll(CHARTS)].filter((panel) => !folded(panel)));
    while (left.size) {
      const next = [...left].reduce((a, b) => (distance(b) < distance(a) ? b : a));
      left.delete(next);
      await draw(next);
      await new Promise((resolve) => setTimeout(resolve));
    }
    document.documentElement.dataset.charts = "drawn";
  })();
})();
