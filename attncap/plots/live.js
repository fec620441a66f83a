// Draws the figures of a page; the rest of the page calls attncap.figures for those that come later.
window.attncap = (() => {
  const made = (name, text, properties = {}) => Object.assign(document.createElement(name), {textContent: text}, properties);

  function save(name, url) {
    made("a", "", {href: url, download: name}).click();
    if (url.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
  const file = (text, type) => URL.createObjectURL(new Blob([text], {type}));

  function csv(columns, rows) {
    const cell = value => {
      const text = value == null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
      return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
    };
    return [columns, ...rows].map(row => row.map(cell).join(",")).join("\r\n") + "\r\n";
  }

  // The rows of a specification, each set once: layers may draw the same.
  function sets(view) {
    const inner = ["layer", "hconcat", "vconcat", "concat"].flatMap(part => view[part] ?? []);
    return [...Object.values(view.datasets ?? {}), view.data?.values ?? [], ...inner.flatMap(sets)];
  }
  function numbers(spec) {
    const rows = [...new Map(sets(spec).map(set => [JSON.stringify(set), set])).values()].flat();
    const columns = [...new Set(rows.flatMap(Object.keys))];
    return csv(columns, rows.map(row => columns.map(column => row[column])));
  }

  // Plots beside each other stand above each other where they do not fit.
  function fitted(spec, room) {
    const drawn = structuredClone(spec);
    const beside = ["hconcat", "concat"].find(key => drawn[key]);
    if (!beside && !drawn.vconcat) {
      const steps = drawn.width && drawn.width.step;
      return steps ? drawn : Object.assign(drawn, {width: Math.min(room, 900), autosize: {type: "fit", contains: "padding"}});
    }
    const parts = drawn[beside ?? "vconcat"];
    const stacked = !beside || parts.length * 290 > room;
    if (beside && stacked) { drawn.vconcat = parts; delete drawn[beside]; delete drawn.columns; }
    const own = Math.max(180, (stacked ? room : room / parts.length) - 90);
    const narrow = part => {
      if (typeof part.width === "number" || part.width === undefined) part.width = Math.min(own, stacked ? 700 : 420);
    };
    parts.forEach(narrow);
    return drawn;
  }

  function swatch(entry) {
    const NS = "http://www.w3.org/2000/svg", svg = document.createElementNS(NS, "svg");
    const add = (name, given) => {
      const shape = svg.appendChild(document.createElementNS(NS, name));
      for (const [key, value] of Object.entries(given)) shape.setAttribute(key, value);
    };
    svg.setAttribute("viewBox", "0 0 28 12");
    svg.setAttribute("aria-hidden", "true");
    const colour = entry.colour ?? "#444444";
    if (entry.line || entry.dash) {
      add("line", {x1: 1, x2: 27, y1: 6, y2: 6, stroke: colour, "stroke-width": 2.4, "stroke-dasharray": (entry.dash ?? []).join(" ")});
    } else if (entry.shape === "square") {
      add("rect", {x: 9, y: 1, width: 10, height: 10, fill: colour});
    } else if (entry.shape === "diamond") {
      add("path", {d: "M14 0 20 6 14 12 8 6Z", fill: colour});
    } else {
      add("circle", {cx: 14, cy: 6, r: 5, fill: colour});
    }
    return svg;
  }

  function legend(told, hidden, redraw) {
    const group = made("div", "", {className: "legend", role: "group", ariaLabel: "Legend: press an entry to hide or show it"});
    for (const [name, entry] of Object.entries(told.entries)) {
      const button = made("button", "", {type: "button", ariaPressed: "true"});
      button.append(swatch(entry), made("span", name));
      button.addEventListener("click", () => {
        const off = hidden.has(name);
        hidden[off ? "delete" : "add"](name);
        button.ariaPressed = String(off);
        redraw();
      });
      group.append(button);
    }
    return group;
  }

  function figure(block) {
    const {full, live, legends} = JSON.parse(block.querySelector("script").textContent);
    const place = block.querySelector(".live"), name = block.dataset.name;
    const canvas = made("div", "", {className: "canvas"}), options = {ast: true, actions: false, renderer: "svg"};
    const off = legends.map(() => new Set());
    let view = null, width = 0;
    const hide = () => {
      legends.forEach((told, at) => view.signal(told.hidden, [...off[at]]));
      return view.runAsync();
    };
    async function draw() {
      let result;
      try {
        result = await vegaEmbed(canvas, fitted(live, canvas.clientWidth), options);
      } catch (error) {
        // What cannot be drawn stays a picture.
        block.classList.remove("drawn");
        return console.warn(error);
      }
      if (view) view.finalize();
      view = result.view;
      await hide();
      block.dataset.drawn = "";
    }
    async function picture(kind) {
      const apart = document.createElement("div"), result = await vegaEmbed(apart, full, options);
      const url = kind === "svg" ? file(await result.view.toSVG(), "image/svg+xml") : await result.view.toImageURL("png", 2);
      save(name + "." + kind, url);
      result.finalize();
    }
    // The axes follow the pointer; for the keyboard there are buttons.
    async function zoom(factor) {
      for (const {field, channel} of view.signal("zoom0_tuple_fields")) {
        const scale = view.scale(channel), log = scale.type === "log";
        const [low, high] = scale.domain().map(log ? Math.log : Number), middle = (low + high) / 2;
        const ends = [low, high].map(end => middle + (end - middle) * factor);
        view.signal("zoom0_" + field.replace(/\W/g, "_"), log ? ends.map(Math.exp) : ends);
      }
      await view.runAsync();
    }
    const tools = made("div", "", {className: "tools"});
    const button = (text, label, act) => {
      const one = made("button", text, {type: "button", ariaLabel: label});
      one.addEventListener("click", act);
      tools.append(one);
    };
    const of = ", " + block.getAttribute("aria-label");
    if (/"zoom0"/.test(JSON.stringify(live)) && !("hconcat" in live || "vconcat" in live || "concat" in live)) {
      button("+", "Zoom in" + of, () => zoom(0.7));
      button("\u2212", "Zoom out" + of, () => zoom(1 / 0.7));
    }
    button("Reset", "Reset" + of, draw);
    button("SVG", "Save as SVG" + of, () => picture("svg"));
    button("PNG", "Save as PNG" + of, () => picture("png"));
    button("CSV", "Save the numbers as CSV" + of, () => save(name + ".csv", file(numbers(full), "text/csv")));
    place.append(...legends.map((told, at) => legend(told, off[at], hide)), canvas, tools);
    block.classList.add("drawn");
    new ResizeObserver(() => {
      if (Math.abs(canvas.clientWidth - width) > 2) { width = canvas.clientWidth; draw(); }
    }).observe(canvas);
  }

  const figures = element => element.querySelectorAll("figure.chart:not(.drawn)").forEach(figure);
  figures(document);
  return {figures, made, save, file, csv};
})();
