# SPDX-License-Identifier: MIT
# Where L0's ticks of an operation at L2 go, stacked, from phases.csv alone:
#   gnuplot -c phases.gp phases.csv FIGURE.svg      (or FIGURE.png)
if (ARGC != 2) {
	print "usage: gnuplot -c phases.gp phases.csv FIGURE.svg|FIGURE.png"
	exit status 2
}
table  = ARG1
figure = ARG2
set datafile separator ","

# A bar an operation and configuration that has ticks in a phase of a reflected exit; those without are not drawn. Nor is HLT,
# for which L0 also waits.
bars   = ""
phases = ""
cpu    = ""
unit   = ""
has(list, o) = strstrt(list." ", " ".o." ") > 0
bar(o, c) = o.":".c
note(p, o, c, f, t, u) = (cpu = p, unit = u, phases = has(phases, f) ? phases : phases." ".f, \
	bars = f eq "exit_save" && t > 0 && o ne "hlt" && !has(bars, bar(o, c)) ? bars." ".bar(o, c) : bars, 0)
stats table skip 1 using (note(strcol(1), strcol(2), strcol(3), strcol(4), column(5), strcol(6))) nooutput
place(b) = int(sum [i=1:words(bars)] (word(bars, i) eq b ? i : 0))

# A bar's phases follow each other in the table: where the last one ended is where the next begins.
end  = 0.0
who  = ""
from = 0.0
step(b, t) = (from = b eq who ? end : 0.0, who = b, end = from + t, from)
longest = 0.0
reach(b) = (longest = place(b) && end > longest ? end : longest, 0)
stats table skip 1 using (step(bar(strcol(2), strcol(3)), column(5)) + reach(who)) nooutput

n      = words(bars)
height = 130 + n * 26
if (strstrt(figure, ".png")) {
	set terminal pngcairo size 900, height font "DejaVu Sans,10" background "white"
} else {
	set terminal svg size 900, height font "DejaVu Sans,Helvetica,sans-serif,13" background "white"
}
set output figure
set title "Where L0's ticks go, ".cpu font ",15" noenhanced
set xlabel (unit eq "insns" ? "instructions" : unit)." of L0 an operation at L2" noenhanced
set xrange [0 : longest * 1.02]
set yrange [n + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:n] ytics add (word(bars, i) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set lmargin at screen 0.27
set bmargin at screen 115.0 / height
set key at screen 0.62, screen 32.0 / height center center horizontal maxrows 3 noenhanced
array colour[8] = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#bbbbbb", "#555555"]

end = 0.0
who = ""
plot for [k=1:words(phases)] table skip 1 using \
	(start = step(bar(strcol(2), strcol(3)), column(5)), strcol(4) eq word(phases, k) && place(who) ? end : NaN):(place(who)):(start):(end):(place(who) - 0.36):(place(who) + 0.36) \
	with boxxyerror fs solid 0.9 noborder lc rgb colour[(k - 1) % 8 + 1] title word(phases, k)
set output
