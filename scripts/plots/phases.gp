# SPDX-License-Identifier: MIT
# Where L0's ticks of an operation at L2 go, stacked, from phases.csv alone:
#   gnuplot -c phases.gp phases.csv FIGURE.svg      (setup.gp says what else)
here   = ARG0[1:strlen(ARG0) - strlen("phases.gp")]
table  = ARGC > 0 ? ARG1 : here."phases.csv"
figure = ARGC > 1 ? ARG2 : here."phases.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
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
if (!n) {
	print table.": no exit was reflected"
	exit status 3
}
width  = fit(900)
widest = 0
do for [b in bars] { widest = room(b) > widest ? room(b) : widest }
left   = printed ? widest + 12 : 0.27 * width
keys   = narrow ? words(phases) : 3
below  = 65.0 + 20 * keys + (narrow ? 18 : 0)
height = (printed ? 8 : 15) + below + n * (printed ? 20 : 26)
eval terminal(width, height)
set output figure
set title title("Where L0's ticks go, ".cpu) font font(15) noenhanced
letters = 24
set xlabel label_of((unit eq "insns" ? "instructions" : unit)." of L0 an operation at L2") noenhanced
set xrange [0 : longest * 1.02]
set yrange [n + 0.6 : 0.4]
set ytics scale 0 noenhanced ("" 0)
set for [i=1:n] ytics add (word(bars, i) i)
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set lmargin at screen left / width
set bmargin at screen below / height
if (printed) { set xtics tick_step(longest, narrow ? 4 : 8) }
set key at screen (narrow ? 0.5 : 0.62), screen (narrow ? 8 + 10.0 * keys : 32.0) / height center center horizontal maxrows keys noenhanced
array colour[8] = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#bbbbbb", "#555555"]

end = 0.0
who = ""
plot for [k=1:words(phases)] table skip 1 using \
	(start = step(bar(strcol(2), strcol(3)), column(5)), strcol(4) eq word(phases, k) && place(who) ? end : NaN):(place(who)):(start):(end):(place(who) - 0.36):(place(who) + 0.36) \
	with boxxyerror fs solid 0.9 noborder lc rgb colour[(k - 1) % 8 + 1] title word(phases, k)
set output
