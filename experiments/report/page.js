"use strict";
// Headings of sortable tables become buttons. Numbers come in their order, words in theirs, "-" last either way.
(() => {
	const number = (text) => /^[-+]?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
	const empty = (text) => text === "-" || text === "";
	const compare = (a, b) => {
		const x = number(a), y = number(b);
		if (!Number.isNaN(x) && !Number.isNaN(y))
			return x - y;
		if (Number.isNaN(x) !== Number.isNaN(y))
			return Number.isNaN(x) ? 1 : -1;
		return a < b ? -1 : a > b ? 1 : 0;
	};
	const sort = (table, column, direction) => {
		const body = table.tBodies[0];
		const rows = Array.from(body.rows, (row, at) => ({row, at, text: row.cells[column].textContent}));
		rows.sort((a, b) => empty(a.text) - empty(b.text) || direction * compare(a.text, b.text) || a.at - b.at);
		body.append(...rows.map((r) => r.row));
	};
	for (const table of document.querySelectorAll("table.sortable")) {
		const heads = Array.from(table.tHead.rows[0].cells);
		heads.forEach((head, column) => {
			const button = document.createElement("button");
			button.type = "button";
			button.append(...head.childNodes);
			head.append(button);
			button.addEventListener("click", () => {
				const up = head.getAttribute("aria-sort") !== "ascending";
				heads.forEach((other) => other.removeAttribute("aria-sort"));
				head.setAttribute("aria-sort", up ? "ascending" : "descending");
				sort(table, column, up ? 1 : -1);
			});
		});
	}
})();
