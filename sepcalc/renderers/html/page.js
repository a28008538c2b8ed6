// Sorts tables by a click on a heading, and searches the long ones. Without it the page shows the same numbers.
const UNITS = { k: 1e3, M: 1e6, G: 1e9, B: 1e9, T: 1e12 };
const amount = (text) => {
  const parts = /^([-+]?[\d.]+)\s*([kMGBT]?)/.exec(text.replaceAll(",", ""));
  return parts ? parts[1] * (UNITS[parts[2]] ?? 1) : -Infinity;
};
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], rows = [...body.rows], path = [];
  const depth = (row) => Number(/\bd(\d+)\b/.exec(row ? row.className : "")?.[1] ?? 0);
  const tree = rows.some(depth);
  for (const [at, row] of rows.entries()) {
    path.length = depth(row);
    row.name = row.cells[0].textContent;
    row.path = [...path, row.name].join("/"); // its whole name: rows may stand within others
    row.holds = depth(rows[at + 1]) > depth(row);
    path.push(row.name);
  }
  [...(table.tHead ? table.tHead.rows[0].cells : [])].forEach((head, at) => {
    if (head.tagName !== "TH") return;
    const button = document.createElement("button"), number = head.classList.contains("number");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    const key = (row) => {
      const cell = row.cells[at], text = at === 0 ? row.path : cell.textContent;
      return number ? amount(cell.dataset.order ?? text) : text;
    };
    const compare = (x, y) => (number ? (x > y) - (x < y) : x.localeCompare(y, "en", { numeric: true }));
    const lacks = (x) => x === "" || x === -Infinity; // what has none comes last
    button.addEventListener("click", () => {
      const order = { none: "descending", descending: "ascending", ascending: "none" }[head.ariaSort || "none"];
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      if (order === "none") body.replaceChildren(...rows);
      else {
        head.setAttribute("aria-sort", order);
        const way = order === "descending" ? -1 : 1, total = rows.filter((row) => row.classList.contains("total"));
        const others = rows.filter((row) => !row.holds && !row.classList.contains("total"));
        others.sort((a, b) => {
          const [x, y] = [key(a), key(b)];
          return lacks(x) - lacks(y) || way * compare(x, y);
        });
        body.replaceChildren(...others, ...total);
      }
      table.classList.toggle("flat", order !== "none");
      if (tree) for (const row of rows) row.cells[0].textContent = order === "none" ? row.name : row.path;
    });
  });
  if (!table.classList.contains("searched")) continue;
  const search = document.createElement("input");
  search.type = "search";
  search.className = "search";
  search.placeholder = "Search";
  search.setAttribute("aria-label", "Search the table");
  table.parentElement.before(search);
  search.addEventListener("input", () => {
    const word = search.value.toLowerCase();
    for (const row of rows) row.hidden = !`${row.path} ${row.textContent}`.toLowerCase().includes(word);
  });
}

// Moves the kernels of each variant by a slider. All counts come from the page: position n of a step has had n times the
// multiplications of one position, and the steps before it have had all of theirs.
for (const course of document.querySelectorAll(".course")) {
  const steps = JSON.parse(course.dataset.moved), drawings = [...course.querySelectorAll("svg")];
  const counts = steps.map((step) => step.sizes.reduce((a, b) => a * b, 1));
  const total = steps.reduce((sum, step, at) => sum + counts[at] * step.each, 0);
  const slider = document.createElement("input"), told = document.createElement("output"), label = document.createElement("label");
  slider.type = "range";
  slider.min = 1;
  slider.max = counts.reduce((a, b) => a + b, 0);
  slider.value = 1;
  slider.setAttribute("aria-label", `Position of the kernel, ${course.querySelector("h3").textContent}`);
  label.className = "slider";
  label.append(slider, told);
  course.querySelector("h3").after(label);
  const move = (drawing, step, at) => {
    const place = [];
    for (let axis = step.sizes.length - 1, left = at; axis >= 0; axis--) {
      place[axis] = left % step.sizes[axis];
      left = Math.floor(left / step.sizes[axis]);
    }
    [step.window, step.mark].forEach((moves, side) => {
      const [x, y] = [0, 1].map((way) => moves.reduce((sum, one, axis) => sum + one[way] * place[axis], 0));
      drawing.querySelectorAll(".moves")[side].setAttribute("transform", `translate(${x} ${y})`);
    });
    return place;
  };
  const show = () => {
    let left = Number(slider.value), done = 0, where = "";
    steps.forEach((step, at) => {
      const here = Math.max(0, Math.min(left, counts[at]));
      const place = move(drawings[at], step, Math.max(0, here - 1));
      drawings[at].classList.toggle("waiting", here === 0);
      if (left > 0) where = (steps.length > 1 ? `step ${at + 1}, ` : "") + `position ${place.map((n) => n + 1).join(", ")}`;
      done += here * step.each;
      left -= counts[at];
    });
    told.textContent = `${done.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} multiplications (${where})`;
  };
  slider.addEventListener("input", show);
  show();
}
