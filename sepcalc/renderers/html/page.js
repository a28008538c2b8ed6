// Sorts tables by a click on a heading, and searches the long ones. Without it the page shows the same numbers.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], rows = [...body.rows];
  [...(table.tHead ? table.tHead.rows[0].cells : [])].forEach((head, at) => {
    if (head.tagName !== "TH") return;
    const button = document.createElement("button");
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const order = { none: "descending", descending: "ascending", ascending: "none" }[head.ariaSort || "none"];
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      if (order !== "none") head.setAttribute("aria-sort", order);
      const key = (row) => row.cells[at].dataset.order ?? row.cells[at].textContent.replaceAll(",", "");
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)], numbers = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
        return numbers ? x - y : x.localeCompare(y);
      };
      const total = rows.filter((row) => row.classList.contains("total"));
      const others = rows.filter((row) => !row.classList.contains("total"));
      if (order !== "none") others.sort((a, b) => (order === "descending" ? compare(b, a) : compare(a, b)));
      body.replaceChildren(...others, ...total);
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
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(word);
  });
}
