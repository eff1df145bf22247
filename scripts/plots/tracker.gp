# SPDX-License-Identifier: MIT
# What tracking the pages that a guest writes costs, by each means, from tracker.csv alone:
#   gnuplot -c tracker.gp tracker.csv FIGURE.svg      (setup.gp says what else)
here   = ARG0[1:strlen(ARG0) - strlen("tracker.gp")]
table  = ARGC > 0 ? ARG1 : here."tracker.csv"
figure = ARGC > 1 ? ARG2 : here."tracker.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","
set datafile missing NaN

means = ""
has(list, o) = strstrt(list." ", " ".o." ") > 0
note(m, c, u) = (means = m eq "off" || m eq "kvm-off" || has(means, m) ? means : means." ".m, cpu = c, unit = u, 0)
stats table skip 1 using (note(strcol(4), strcol(1), strcol(11))) nooutput
if (!words(means)) {
	print table.": no means of tracking was measured"
	exit status 3
}
text(m) = m eq "wp" ? "EPT write protection" : m eq "ad" ? "EPT dirty flags" : m eq "pml" ? "page-modification log" : \
	m eq "kvm-bitmap" ? "KVM's dirty bitmap" : m eq "kvm-ring" ? "KVM's dirty ring" : m
width  = fit(1000)
keys   = narrow ? words(means) : printed ? (words(means) + 2) / 3 : 1
panel  = printed ? 220 : 264 # its height
height = narrow ? above(79) + 2 * panel + 105 + 57 + 22 * keys : printed ? above(79) + panel + 75 + 22 * keys : 440
eval terminal(width, height)
set output figure
if (printed) {
	set multiplot layout (narrow ? 2 : 1), (narrow ? 1 : 2) margins 65.0 / width, 1 - 15.0 / width, (narrow ? 57.0 + 22 * keys : 75.0 + 22 * keys) / height, \
		1 - above(79.0) / height spacing 90.0 / width, 105.0 / height
} else {
	set multiplot layout 1,2 title "What dirty tracking costs, ".cpu font font(15) noenhanced margins 0.085, 0.985, 0.22, 0.82 spacing 0.09, 0
}
set xlabel "pages that the guest writes in a round"
set logscale x 2
set grid lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set yrange [0 : *]
set offsets graph 0.05, graph 0.05, 0, 0
array colour[5] = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#000000"]
array shape[5]  = [9, 7, 5, 11, 6]
word_of_unit = unit eq "insns" ? "instructions" : unit
do for [p=1:2] {
	set title label_of(p == 1 ? word_of_unit." more, a page written" : "the guest's time, per cent of that without tracking")
	set key off
	plot for [k=1:words(means)] table skip 1 using (strcol(4) eq word(means, k) ? column(5) : NaN):(column(p == 1 ? 8 : 10)) \
		with linespoints lc rgb colour[(k - 1) % 5 + 1] pt shape[(k - 1) % 5 + 1] ps 1 lw 1.6 title text(word(means, k))
}
# The key, below both.
set lmargin at screen 0.02
set rmargin at screen 0.98
set tmargin at screen (printed ? 12.0 + 22 * keys : 0.09 * height) / height
set bmargin at screen 0.01
unset logscale
unset offsets
unset title
unset xlabel
unset border
unset tics
unset grid
set xrange [0 : 1]
set yrange [0 : 1]
set key center center horizontal maxrows keys noenhanced
plot for [k=1:words(means)] NaN with linespoints lc rgb colour[(k - 1) % 5 + 1] pt shape[(k - 1) % 5 + 1] ps 1 lw 1.6 title text(word(means, k))
unset multiplot
set output
