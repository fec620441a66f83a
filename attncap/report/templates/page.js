// Tables that are sorted, searched and paged, and texts that are copied.
(() => {
  const {made, save, file, csv} = window.attncap, SIZE = 25;

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), sign => sign.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  }

  function order(values, rows, down) {
    const keys = values.map(value => typeof value === "string" ? value.toLowerCase() : value);
    const compare = (a, b) => {
      const x = keys[a], y = keys[b];
      if (x === null || y === null) return (x === null) - (y === null);
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    };
    return rows.toSorted((a, b) => compare(a, b) || a - b);
  }

  async function table(block) {
    const {values, shown} = await unpacked(block.querySelector("script").textContent);
    const length = Number(block.dataset.rows), wrong = Number(block.dataset.wrong), body = block.querySelector("tbody");
    const headings = [...block.querySelectorAll("th")], names = headings.map(cell => cell.textContent);
    const numeric = headings.map(cell => cell.classList.contains("number")), caption = block.querySelector("caption").textContent;
    const text = (column, row) => shown[column] ? shown[column][row] : values[column][row] ?? "–";
    const all = Array.from({length}, (_, row) => row);
    let sorted = all, found = all, page = 0, by = -1, down = false, words = null;

    const tools = made("div", "", {className: "tools"}), status = made("output", "");
    const search = made("input", "", {type: "search", ariaLabel: "Search: " + caption, placeholder: `Search ${length.toLocaleString("en")} rows`});
    const steps = made("nav", "", {className: "tools", ariaLabel: "Pages: " + caption}), where = made("span", "");
    const step = (label, to) => {
      const button = made("button", label, {type: "button", className: "plain"});
      button.addEventListener("click", () => { page = to(page, pages() - 1); draw(); });
      steps.append(button);
      return button;
    };
    const pages = () => Math.max(1, Math.ceil(found.length / SIZE));
    const back = [step("First", () => 0), step("Previous", at => at - 1)];
    steps.append(where);
    const on = [step("Next", at => at + 1), step("Last", (_, last) => last)];
    const saved = made("button", "CSV", {type: "button", className: "plain", ariaLabel: "Save as CSV: " + caption});
    saved.addEventListener("click", () => {
      const rows = found.map(row => values.map(column => column[row]));
      save(block.dataset.name + ".csv", file(csv(names, rows), "text/csv"));
    });

    function draw() {
      body.replaceChildren(...found.slice(page * SIZE, (page + 1) * SIZE).map(row => {
        const line = document.createElement("tr");
        if (row < wrong) line.className = "wrong";
        line.append(...values.map((_, column) => made("td", text(column, row), numeric[column] ? {className: "number"} : {})));
        return line;
      }));
      where.textContent = `Page ${(page + 1).toLocaleString("en")} of ${pages().toLocaleString("en")}`;
      back.forEach(button => { button.disabled = page === 0; });
      on.forEach(button => { button.disabled = page >= pages() - 1; });
      steps.hidden = pages() === 1;
      status.textContent = `${found.length.toLocaleString("en")} of ${length.toLocaleString("en")} rows`;
    }
    function choose() {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      words ??= wanted.length && all.map(row => values.map((_, column) => text(column, row)).join("\n").toLowerCase()) || null;
      found = wanted.length ? sorted.filter(row => wanted.every(word => words[row].includes(word))) : sorted;
      page = 0;
      draw();
    }
    headings.forEach((cell, column) => {
      const button = made("button", names[column], {type: "button"});
      button.addEventListener("click", () => {
        down = by === column ? !down : false;
        by = column;
        headings.forEach(other => { other.ariaSort = "none"; });
        cell.ariaSort = down ? "descending" : "ascending";
        sorted = order(values[column], all, down);
        choose();
      });
      cell.classList.add("sorts");
      cell.ariaSort = "none";
      cell.replaceChildren(button);
    });
    search.addEventListener("input", choose);
    if (length > 10) tools.append(search, status); else tools.classList.add("few");
    tools.append(saved);
    block.prepend(tools);
    block.querySelector(".wide").after(steps);
    block.querySelector(".rest")?.remove();
    draw();
    block.dataset.ready = "";
  }

  function code(block) {
    const button = made("button", "Copy", {type: "button", className: "plain"}), text = block.querySelector("code").textContent;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("code"));
        button.textContent = "Selected";
      }
    });
    block.append(button);
  }

  document.querySelectorAll(".table").forEach(table);
  document.querySelectorAll(".code").forEach(code);
})();
