# SPDX-License-Identifier: MIT
# Pages that each round of a move left to be sent again, from rounds.csv alone:
#   gnuplot -c rounds.gp rounds.csv FIGURE.svg      (setup.gp says what else)
# A panel a link rate. What is written during the last one is sent while the guest stands still.
here   = ARG0[1:strlen(ARG0) - strlen("rounds.gp")]
table  = ARGC > 0 ? ARG1 : here."rounds.csv"
figure = ARGC > 1 ? ARG2 : here."rounds.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
load here."moves.gp"

list = ""
most = 1
note(l, r) = (list = has(list, l) ? list : list." ".l, most = r > most ? r : most, 0)
running(d) = column(9) == 0 && strcol(20) ne "the guest stands still"
stats table skip 1 using (running(0) ? note(label(0, 1), column(10)) : 0) nooutput
links = words(values[6])
n     = words(list)
if (!n) {
	print table.": no round was begun"
	exit status 3
}
width  = fit(links > 2 ? 1200 : 460 * links + 100)
keys   = rows_of_key(list)
down   = narrow ? links : 1
panel  = printed ? 180 : 252
height = above(78) + down * panel + (down - 1) * 92 + 70 + 22 * keys
eval terminal(width, height)
set output figure
set multiplot layout down, (narrow ? 1 : links) title title("Pages written anew, round by round: ".about) font font(15) noenhanced \
	margins 70.0 / width, 1 - 20.0 / width, (70.0 + 22 * keys) / height, 1 - above(78.0) / height spacing (narrow ? 0 : 0.05), (narrow ? 92.0 / height : 0)
set xlabel "round"
set xrange [0.7 : most + 0.3]
set xtics 1
set yrange [0 : *]
set grid lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
ours(k, l) = running(0) && strcol(6) eq word(values[6], l) && label(0, 1) eq word(list, k)
do for [l=1:links] {
	set title word(values[6], l)." Mbit in 10^9 ticks"
	if (l == 1 || narrow) {
		set ylabel "pages written during the round"
	} else {
		unset ylabel
	}
	plot for [k=1:n] table skip 1 using (ours(k, l) ? column(10) : NaN):(column(16)) \
		with linespoints lc rgb colour[(k - 1) % 10 + 1] pt shape[(k - 1) % 10 + 1] ps 0.9 lw 1.6 notitle
}
eval key_alone
plot for [k=1:n] NaN with linespoints lc rgb colour[(k - 1) % 10 + 1] pt shape[(k - 1) % 10 + 1] ps 0.9 lw 1.6 title blanks(word(list, k))
unset multiplot
set output
