# SPDX-License-Identifier: MIT
# Down time, total time and bytes of moves against the rate at which the guest writes pages, from migrate.csv alone:
#   gnuplot -c migrate.gp migrate.csv FIGURE.svg      (setup.gp says what else)
# Moves that were not made are not drawn. A workload without a rate is drawn at the left edge.
here   = ARG0[1:strlen(ARG0) - strlen("migrate.gp")]
table  = ARGC > 0 ? ARG1 : here."migrate.csv"
figure = ARGC > 1 ? ARG2 : here."migrate.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
load here."moves.gp"

list = ""
low  = 0.0
high = 0.0
note(l, x) = (list = has(list, l) ? list : list." ".l, low = x > 0 && (low == 0 || x < low) ? x : low, high = x > high ? x : high, 0)
moved(d) = strcol(17) eq "moved"
stats table skip 1 using (moved(0) ? note(label(1, 0), column(7)) : 0) nooutput
n    = words(list)
if (!n) {
	print table.": no move was made"
	exit status 3
}
low  = low > 0 ? low : 1
high = high > low ? high : low
x(d) = column(7) > 0 ? column(7) : low

width  = fit(1200)
keys   = rows_of_key(list)
down   = narrow ? 3 : 1
panel  = printed ? 190 : 272
height = above(78) + down * panel + (down - 1) * 92 + 70 + 22 * keys
eval terminal(width, height)
set output figure
set multiplot layout down, 3 / down title title("Moving ".about) font font(15) noenhanced margins (printed ? 60.0 / width : 0.065), (narrow ? 0.95 : printed ? 0.965 : 0.985), \
	(70.0 + 22 * keys) / height, 1 - above(78.0) / height spacing (narrow ? 0 : printed ? 60.0 / width : 0.075), (narrow ? 92.0 / height : 0)
set logscale xy
set format x "%.0s%c"
set ytics ("" 0)
do for [e=-4:7] {
	do for [m in "1 2 5"] { set ytics add (sprintf("%g", m * 10.0 ** e) m * 10.0 ** e) }
}
set xlabel (printed && !narrow ? "pages written in 10^9 ticks" : "pages the guest writes in 10^9 ticks")
set grid lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set xrange [low / 1.3 : high * 1.3]
# One panel: title, column, divisor
panels = 3
array heading[panels] = ["Down time, 10^6 ticks", "Total time, 10^6 ticks", "Bytes sent, MiB"]
array field[panels]   = [11, 10, 12]
array unit[panels]    = [1e6, 1e6, 1048576]
set key off
do for [p=1:panels] {
	set yrange [*:*]
	least = 0.0
	most  = 0.0
	reach(v) = (least = v > 0 && (least == 0 || v < least) ? v : least, most = v > most ? v : most, 0)
	stats table skip 1 using (moved(0) ? reach(column(field[p]) / unit[p]) : 0) nooutput
	set yrange [least / 1.3 : most * 1.3]
	set title heading[p]
	plot for [k=1:n] table skip 1 using (moved(0) && label(1, 0) eq word(list, k) ? x(0) : NaN):(column(field[p]) / unit[p]) \
		with linespoints lc rgb colour[(k - 1) % 10 + 1] pt shape[(k - 1) % 10 + 1] ps 0.9 lw 1.6 notitle
}
eval key_alone
plot for [k=1:n] NaN with linespoints lc rgb colour[(k - 1) % 10 + 1] pt shape[(k - 1) % 10 + 1] ps 0.9 lw 1.6 title blanks(word(list, k))
unset multiplot
set output
