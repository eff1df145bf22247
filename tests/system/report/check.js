// SPDX-License-Identifier: MIT
// Appended to a copy of a report that tests/system/report.sh shows in a frame: looks at what was laid out, clicks a heading,
// and tells the page around it what is wrong.
"use strict";
addEventListener("load", () => {
	const wrong = [];
	const want = (holds, what) => holds || wrong.push(what);
	const all = (selector) => Array.from(document.querySelectorAll(selector));
	const root = document.documentElement;

	// layout
	want(root.scrollWidth <= innerWidth, `the page is ${root.scrollWidth} wide in ${innerWidth}`);
	for (const box of all(".scroll, .card"))
		want(box.getBoundingClientRect().right <= innerWidth + 1, "a box leaves the page");
	const drawings = all("svg");
	want(drawings.length === FIGURES, `${drawings.length} figures, not FIGURES`);
	for (const svg of drawings) {
		const size = svg.getBoundingClientRect();
		const shapes = Array.from(svg.querySelectorAll("path, polygon, rect, use"), (s) => s.getBBox());
		want(size.width > 250 && size.height > 100, `a figure of ${size.width} by ${size.height}`);
		want(shapes.filter((b) => b.width + b.height > 0).length > 10, "an empty figure");
		want(getComputedStyle(svg.closest(".card")).backgroundColor === "rgb(255, 255, 255)", "a figure not on white");
		want(svg.getAttribute("role") === "img" && svg.getAttribute("aria-label"), "a figure that says nothing");
	}
	const dark = matchMedia("(prefers-color-scheme: dark)").matches;
	want(dark === (getComputedStyle(document.body).backgroundColor !== "rgb(255, 255, 255)"), "dark is not dark, or light not light");

	// a reader that doesn't see
	want(root.lang === "en" && document.title, "no language or no title");
	const ids = all("[id]").map((e) => e.id);
	want(new Set(ids).size === ids.length, "an id twice");
	for (const e of all("[aria-labelledby]"))
		want(document.getElementById(e.getAttribute("aria-labelledby")), `no ${e.getAttribute("aria-labelledby")}`);
	for (const use of all("svg use"))
		want(document.getElementById(use.getAttribute("xlink:href").slice(1)), `no ${use.getAttribute("xlink:href")}`);
	let level = 0;
	for (const h of all("h1, h2, h3, h4")) {
		const now = Number(h.tagName[1]);
		want(now <= level + 1, `heading "${h.textContent}" after level ${level}`);
		level = now;
	}
	want(all("h1").length === 1, "not one h1");
	for (const t of all("table"))
		want(t.caption && t.caption.textContent, "a table without caption");
	for (const th of all("th"))
		want(th.hasAttribute("scope"), "a heading without scope");
	for (const a of all("nav a"))
		want(document.querySelector(a.getAttribute("href")), `no ${a.getAttribute("href")}`);

	// sorting, by a button as a keyboard reaches it
	for (const d of all("details"))
		d.open = true;
	const table = all("table.sortable").find((t) => t.caption.textContent === "ablation.csv");
	const column = table && Array.from(table.tHead.rows[0].cells).findIndex((c) => c.textContent === "ticks_per_op");
	want(column > 0, "no ablation.csv with ticks_per_op");
	if (column > 0) {
		const head = table.tHead.rows[0].cells[column], button = head.querySelector("button");
		const values = () => Array.from(table.tBodies[0].rows, (r) => Number(r.cells[column].textContent));
		const rises = (v) => v.every((x, i) => !i || v[i - 1] <= x);
		const before = values();
		want(!rises(before), "the table is in order by itself");
		button.focus();
		want(document.activeElement === button, "the button takes no focus");
		button.click();
		want(head.getAttribute("aria-sort") === "ascending" && rises(values()), "not sorted upwards");
		button.click();
		want(head.getAttribute("aria-sort") === "descending" && rises(values().reverse()), "not sorted downwards");
		want(values().length === before.length && String(values().sort()) === String(before.sort()), "rows were lost");
		table.tHead.rows[0].cells[0].querySelector("button").click();
		want(all("[aria-sort]").length === 1, "two columns say that they are sorted");
	}
	want(!window.owned, "a result's text ran");
	parent.postMessage(`${innerWidth} ${dark ? "dark" : "light"}: ${wrong.length ? wrong.join("; ") : "right"}`, "*");
});
