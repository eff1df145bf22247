#!/bin/bash
# SPDX-License-Identifier: MIT
# nestbed report: one page of golden results and of one that is hostile, laid out by headless Chromium at a phone's and a desk's
# width, in light and dark; its tables sort, its figures are seen, nothing of a result runs.
# shellcheck disable=SC1091,SC2154,SC2317 # work, build and failed come from cases; cases are called by name
set -u
# shellcheck source=tests/system/cases
. "$(dirname "$0")/cases"
nestbed=$build/nestbed
page=$work/report.html
bad="<script>window.owned = 1</script><img src=x onerror=\\\"window.owned = 1\\\">"

mkdir -p "$work/again" "$work/$bad" || exit 1
cp results/golden/ablation-corei7_skylake_x/{meta.json,ablation.csv} "$work/again"
sed -i 's/,L2,cpuid,all on,200,[0-9.]*,/,L2,cpuid,all on,200,3000.0,/' "$work/again/ablation.csv"
cat >"$work/$bad/meta.json" <<-END
	{"experiment": "$bad", "command_line": ["$bad"], "settings": {"$bad": "$bad", "n": 7}, "versions": {"bochs": "$bad"},
	 "machines": [{"name": "$bad", "outcome": "</table>$bad", "exit_status": 1}], "computer": []}
END
printf 'op,%s\n"</script>%s",1\n' "<b>x</b>" "<img src=x onerror=''window.owned=1''>" >"$work/$bad/<i>.csv"
echo "<svg xmlns='http://www.w3.org/2000/svg' onload='window.owned=1'><script>window.owned=1</script></svg>" >"$work/$bad/x.svg"
head -c 3000 /dev/urandom >"$work/$bad/records.pb"

write() {
	"$nestbed" report -o "$page" results/golden/ablation-corei7_skylake_x "$work/again" results/golden/migrate-corei7_skylake_x \
		results/golden/exit-cost-corei7_skylake_x "$work/$bad"
}
# Nothing is fetched, and the page is whole.
alone() {
	! grep -oiE '<(link|img|iframe|object|embed|base)[ >]|(src|href)="?(https?:)?//[^"]*' "$page" && [ "$(grep -c '^</html>$' "$page")" -eq 1 ] &&
		[ "$(grep -ciE '<script' "$page")" -eq 1 ] && ! compgen -G "$page.*"
}
told() {
	grep -qF 'differs: 1 difference in 60 rows of 1 table' "$page" && grep -qF '<td>ticks_<wbr>per_<wbr>op</td>' "$page" &&
		grep -qF 'Left out: attribute onload.' "$page" && grep -qF '<caption>Settings</caption>' "$page"
}
# Each claim links to its section of PAPER_NOTES.md, wherever the page is.
claims() {
	local link
	while IFS= read -r link; do
		grep -oE '^#+ .*' "$work/${link%%#*}" | tr '[:upper:]' '[:lower:]' | sed -E 's/^#+ //; s/[^a-z0-9 _-]//g; s/ /-/g' |
			grep -qxF -- "${link#*#}" || { echo "$link"; return 1; }
	done < <(grep -oE 'href="[^"#]*PAPER_NOTES.md#[^"]*"' "$page" | sed 's/^href="//; s/"$//' | sort -u)
	[ "$(grep -cE 'PAPER_NOTES.md#' "$page")" -ge 5 ]
}
# refused PATTERN RUN...: one message, status 2, no page
refused() {
	local pattern=$1 got
	shift
	"$nestbed" report -o "$work/none.html" "$@" >"$work/out" 2>&1
	got=$?
	cat "$work/out"
	[ "$got" -eq 2 ] && [ "$(wc -l <"$work/out")" -le 2 ] && grep -qE "$pattern" "$work/out" && ! compgen -G "$work/none.html*"
}
wrong() {
	mkdir -p "$work/broken" "$work/cells/tasks/a" && echo '{"experiment": "phases", ' >"$work/broken/meta.json" &&
		refused 'broken/meta.json:[0-9]+: ' "$work/again" "$work/broken" && refused 'no such folder' "$work/nowhere" && refused 'which RUN'
}
# A cluster's folder: all its tasks, and what it says of itself.
cluster() {
	local tasks=$work/cluster/tasks
	mkdir -p "$tasks/one" "$tasks/two" "$tasks/failed" "$work/cluster/tables" && cp "$work/again"/* "$tasks/one" && cp "$work/again"/* "$tasks/two" &&
		echo '{"plan": "a plan", "session": 1}' >"$work/cluster/cluster.json" && printf 'task,rank\none,0\n' >"$work/cluster/schedule.csv" &&
		cp "$work/again/ablation.csv" "$work/cluster/tables" && "$nestbed" report -o "$work/cluster.html" "$work/cluster" || return 1
	grep -qF '<a href="#part-3">ablation, two</a>' "$work/cluster.html" && grep -qF '<td>a plan</td>' "$work/cluster.html" &&
		grep -qF '>schedule.csv</caption>' "$work/cluster.html" && grep -qF '>tables/ablation.csv</caption>' "$work/cluster.html" &&
		! grep -qF 'part-4' "$work/cluster.html"
}
case_ "a page is written" write
case_ "it needs nothing else" alone
case_ "it says what differs, and what was left out" told
case_ "claims link to PAPER_NOTES.md" claims
case_ "a cluster's tasks" cluster
case_ "what can't be read is told in one message" wrong

# ---- in a browser ----
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
	echo "skip the page in a browser chromium is not installed"
	exit "$failed"
fi
# browse ARGUMENTS... FILE: the DOM on stdout, messages of the console in $work/console
browse() {
	rm -rf "$work/profile"
	timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync --user-data-dir="$work/profile" --hide-scrollbars --enable-logging=stderr \
		--virtual-time-budget=8000 "$@" 2>"$work/log"
	local got=$?
	grep CONSOLE "$work/log" >"$work/console"
	return "$got"
}
{
	cat "$page"
	echo "<script>"
	sed 's/FIGURES/8/g' tests/system/report/check.js
	echo "</script>"
} >"$work/copy.html"
cat >"$work/frames.html" <<-'END'
	<!DOCTYPE html><title>frames</title><pre id="said"></pre>
	<script>addEventListener("message", (e) => document.getElementById("said").append(e.data + "\n"));</script>
	<iframe src="copy.html" width="390" height="844" style="border: 0"></iframe>
	<iframe src="copy.html" width="1280" height="900" style="border: 0"></iframe>
END
# looked SCHEME ARGUMENTS...
looked() {
	local scheme=$1
	shift
	browse --dump-dom --window-size=1400,1900 "$@" "file://$work/frames.html" >"$work/dom" || { cat "$work/log"; return 1; }
	sed -n '/<pre id="said">/,/<\/pre>/p' "$work/dom"
	cat "$work/console"
	grep -qE "390 $scheme: right" "$work/dom" && grep -qE "1280 $scheme: right" "$work/dom" && [ ! -s "$work/console" ]
}
# A screenshot of the page as it is shipped: not a blank one, and the console says nothing.
shot() {
	browse --screenshot="$work/shot.png" --window-size="$1,1600" "file://$page" >/dev/null && cat "$work/console" && [ ! -s "$work/console" ] &&
		[ "$(wc -c <"$work/shot.png")" -gt 30000 ]
}
# On paper a table's headings are on each of its pages, and what all rows say is above it.
printed() {
	"$nestbed" report -o "$work/long.html" results/golden/exit-cost-corei7_skylake_x && sed -i 's/<details>/<details open>/' "$work/long.html" &&
		browse --print-to-pdf="$work/long.pdf" --no-pdf-header-footer "file://$work/long.html" >/dev/null &&
		pdftotext -layout "$work/long.pdf" "$work/long.txt" || return 1
	grep -q '^ *In all rows: host_cpu corei7_skylake_x, ' "$work/long.txt" || { echo "what all rows say is not there"; return 1; }
	# A page whose first line is a row of numbers has no heading.
	awk 'BEGIN { RS = "\f"; FS = "\n" } { for (i = 1; i <= NF && $i ~ /^ *$/; i++); pages++
		if ($i ~ /^ *(bare|L1|L2|nestbed) +/) { print "page " pages " begins with: " $i; bad++ } else if ($i ~ /^ *(l0 +)?level +op +config/) heads++ }
		END { print heads " headings on " pages " pages"; exit bad > 0 || heads < 5 }' "$work/long.txt"
}
case_ "laid out and sorted, on a phone and a desk" looked light
case_ "the same in the dark" looked dark --blink-settings=preferredColorScheme=0
case_ "a screenshot" shot 1280
if command -v pdftotext >/dev/null; then
	case_ "headings on each printed page" printed
else
	echo "skip headings on each printed page pdftotext is not installed (package poppler-utils)"
fi
exit "$failed"
