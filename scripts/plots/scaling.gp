# SPDX-License-Identifier: MIT
# A cluster's schedule on more and more hosts, simulated, from scaling.csv alone:
#   gnuplot -c scaling.gp scaling.csv FIGURE.svg      (setup.gp says what else)
here   = ARG0[1:strlen(ARG0) - strlen("scaling.gp")]
table  = ARGC > 0 ? ARG1 : here."scaling.csv"
figure = ARGC > 1 ? ARG2 : here."scaling.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","
set datafile missing NaN

# A series: the order, the share of slow hosts, that of failing attempts
has(list, o) = strstrt(list." ", " ".o." ") > 0
name(d)  = strcol(3)."/".strcol(4)."/".strcol(6)
series   = ""
trouble  = "" # the last two alone, which the colour stands for
low      = 0.0
high     = 0.0
note(h, t) = (series = has(series, name(0)) ? series : series." ".name(0), \
	trouble = has(trouble, t) ? trouble : trouble." ".t, low = low == 0 || h < low ? h : low, high = h > high ? h : high, \
	tasks = column(2), slow = column(5), gather = column(7), 0)
stats table skip 1 using (note(column(1), strcol(4)."/".strcol(6))) nooutput
n = words(series)
if (!n) {
	print table.": nothing was simulated"
	exit status 3
}
order(s)   = s[1:strstrt(s, "/") - 1]
rest(s)    = s[strstrt(s, "/") + 1:*]
percent(w) = sprintf("%g %%", 100 * real(w))
text(s)    = (order(s) eq "longest" ? "longest first" : order(s) eq "shortest" ? "shortest first" : "as planned").", ".percent(order(rest(s)))." slow, " \
	.percent(rest(rest(s)))." fail"
place(t)   = int(sum [i=1:words(trouble)] (word(trouble, i) eq t ? i : 0))
array colour[6] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000"]
hue(s)   = colour[(place(rest(s)) - 1) % 6 + 1]
dash(s)  = order(s) eq "longest" ? 1 : order(s) eq "plan" ? 2 : 3
shape(s) = order(s) eq "longest" ? 7 : order(s) eq "plan" ? 6 : 4

width  = fit(1000)
across = narrow ? 1 : 2
keys   = (n + 1 + across - 1) / across
panel  = 264
height = narrow ? above(79) + 2 * panel + 105 + 57 + 22 * keys : above(79) + panel + 75 + 22 * keys
eval terminal(width, height)
set output figure
set multiplot layout (narrow ? 2 : 1), across title title(sprintf("%d tasks on a cluster, simulated (a slow host takes %d times as long; rank 0 gathers for %d ms)", tasks, slow, gather)) \
	font font(15) noenhanced margins 65.0 / width, 1 - 15.0 / width, (narrow ? 57.0 + 22 * keys : 75.0 + 22 * keys) / height, \
	1 - above(79.0) / height spacing 90.0 / width, 105.0 / height
set xlabel "hosts"
set logscale x
set xtics 10
set grid lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set key off
set xrange [low / 1.15 : high * 1.15]
do for [p=1:2] {
	set title label_of(p == 1 ? "speed-up over one host" : "time, of the least that is possible")
	if (p == 1) { set logscale y; set yrange [low / 1.3 : high * 1.3] } else { unset logscale y; set yrange [0.95 : *] }
	plot p == 1 ? x : 1 with lines lc rgb "#909090" dt 3 lw 1.2, \
		for [k=1:n] table skip 1 using (name(0) eq word(series, k) ? column(1) : NaN):(column(p == 1 ? 14 : 13)) \
		with linespoints lc rgb hue(word(series, k)) dt dash(word(series, k)) pt shape(word(series, k)) ps 0.9 lw 1.6 notitle
}
# The key, below both.
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen (12.0 + 22 * keys) / height
set bmargin at screen 0.01
unset logscale
unset title
unset xlabel
unset border
unset tics
unset grid
set xrange [0 : 1]
set yrange [0 : 1]
set key center center horizontal maxrows keys noenhanced
plot NaN with lines lc rgb "#909090" dt 3 lw 1.2 title "the bound", \
	for [k=1:n] NaN with linespoints lc rgb hue(word(series, k)) dt dash(word(series, k)) pt shape(word(series, k)) ps 0.9 lw 1.6 title text(word(series, k))
unset multiplot
set output
