# SPDX-License-Identifier: MIT
# Exits that L0 takes for one exit of L2, by reason, from exit-reasons.csv alone:
#   gnuplot -c exits-per-op.gp exit-reasons.csv FIGURE.svg      (setup.gp says what else)
# Left with VMCS shadowing, right without; where the table has one of them only, one panel.
here   = ARG0[1:strlen(ARG0) - strlen("exits-per-op.gp")]
table  = ARGC > 0 ? ARG1 : here."exit-reasons.csv"
figure = ARGC > 1 ? ARG2 : here."exits-per-op.svg"
paper  = ARGC > 2 ? ARG3 : ""
load here."setup.gp"
set datafile separator ","

# Columns: 2 level, 3 op, 4 config, 5 exit_level, 6 reason, 8 exits_per_l2_exit.
array config[2] = ["shadow=on;merge=incremental", "shadow=off;merge=incremental"]
array heading[2] = ["with VMCS shadowing", "without VMCS shadowing"]
has(list, o) = strstrt(list." ", " ".o." ") > 0
ours(k) = strcol(2) eq "L2" && strcol(4) eq config[k]

# Operations that exit, the processor, which panels there are rows for, the longest bar.
ops    = ""
cpu    = ""
panels = ""
most   = 1.0
bar    = 0.0
last   = ""
grow(k, key, v) = (bar = (key eq last ? bar : 0) + v, last = key, most = bar > most ? bar : most, \
	ops = has(ops, strcol(3)) ? ops : ops." ".strcol(3), cpu = strcol(1), \
	panels = has(panels, sprintf("%d", k)) ? panels : panels.sprintf(" %d", k), 0)
do for [k=1:2] {
	stats table skip 1 using (ours(k) && column(8) > 0 ? grow(k, strcol(3).strcol(4), column(8)) : 0) nooutput
}
count = words(ops)
if (!count) {
	print "exits-per-op.gp: no L2 exits in ".table
	exit status 3
}
place(o) = int(sum [i=1:count] (word(ops, i) eq o ? i : 0))

# Kinds of exits, in Okabe and Ito's colours.
kinds = 7
array kind[kinds]   = ["exit of L2 itself", "L1: VMRESUME, VMLAUNCH", "L1: VMREAD", "L1: VMWRITE", \
	"L1: other VMX instruction", "L1: RDMSR, WRMSR", "L1: anything else"]
array colour[kinds] = ["#404040", "#D55E00", "#56B4E9", "#0072B2", "#F0E442", "#CC79A7", "#009E73"]
kind_of(level, r) = level == 2 ? 1 : has(" vmresume vmlaunch", r) ? 2 : has(" vmread", r) ? 3 : has(" vmwrite", r) ? 4 : \
	has(" invept invvpid vmptrld vmptrst vmclear vmxon vmxoff", r) ? 5 : has(" msr_read msr_write", r) ? 6 : 7

# The kinds that the table has, for the key.
present = ""
seen = ""
see(k) = (seen = has(seen, sprintf("%d", k)) ? seen : seen.sprintf(" %d", k), 0)
stats table skip 1 using (ours(1) || ours(2) ? see(kind_of(column(5), strcol(6))) : 0) nooutput
present = ""
do for [k=1:kinds] {
	if (has(seen, sprintf("%d", k))) { present = present.sprintf(" %d", k) }
}

width  = fit(900)
row    = printed ? 20 : 26
keys   = narrow ? words(present) : 3
below  = 65 + 20 * keys
top    = above(75)
shown  = words(panels)
down   = narrow ? shown : 1 # panels below one another
apart  = 90
height = top + row * count * down + apart * (down - 1) + below
eval terminal(width, height)
set output figure

set style fill solid 1.0 border rgb "#ffffff"
set grid xtics lc rgb "#c8c8c8" lw 0.8
set border 3 lc rgb "#606060"
set tics nomirror
set xtics nomirror
unset key

# Left edge of a row's piece: what came before it in its bar. Rows of a bar follow each other in the table.
start(k) = (before = strcol(3).strcol(4) eq last ? edge : 0, last = strcol(3).strcol(4), edge = before + column(8), before)
piece(k, i) = ours(k) ? (start(k), kind_of(column(5), strcol(6)) == i ? before : NaN) : NaN

set multiplot title title(sprintf("Exits to L0 for one exit of L2, by reason, %s", cpu)) font font(15) noenhanced
left   = (narrow ? 110.0 : 0.16 * width) / width
right  = 0.96
gap    = 0.05
beside = shown / down
wide   = (right - left - gap * (beside - 1)) / beside
do for [p=1:shown] {
	k = int(word(panels, p))
	x = narrow ? 0 : p - 1
	y = narrow ? p - 1 : 0
	set lmargin at screen left + x * (wide + gap)
	set rmargin at screen left + x * (wide + gap) + wide
	set tmargin at screen 1 - (top + y * (row * count + apart) + 0.0) / height
	set bmargin at screen 1.0 * (below + (down - 1 - y) * (row * count + apart)) / height
	set title heading[k] font font(12)
	set xlabel "exits to L0 for one exit of L2"
	set ytics scale 0 noenhanced ("" 0)
	do for [i=1:count] { set ytics add ((x == 0 ? word(ops, i) : "") i) }
	set xrange [* : *]
	set yrange [* : *]
	most = 1.0
	last = ""
	bar  = 0.0
	stats table skip 1 using (ours(k) ? grow(k, strcol(3).strcol(4), column(8)) : 0) nooutput
	array total[count]
	do for [i=1:count] { total[i] = 0.0 }
	stats table skip 1 using (ours(k) ? (total[place(strcol(3))] = total[place(strcol(3))] + column(8)) : 0) nooutput
	do for [i=1:count] {
		sum_text = total[i] > 0 ? sprintf("%.1f", total[i]) : ""
		set label i sum_text at total[i], i offset 0.5, 0 left font font(small)
	}
	set xrange [0 : most * (narrow ? 1.2 : 1.16)]
	set yrange [count + 0.6 : 0.4]
	last = ""
	plot for [w in present] table skip 1 \
		using (x = piece(k, int(w))):(place(strcol(3))):(x):(x + column(8)):(place(strcol(3)) - 0.36):(place(strcol(3)) + 0.36) \
		with boxxyerror fc rgb colour[int(w)] notitle
	unset label
}
# The key alone, in a plot without axes.
set lmargin at screen left
set rmargin at screen right
unset border
unset tics
unset xlabel
unset title
unset grid
set xrange [0 : 1]
set key at screen 0.96, screen (below - 62.0) / height right top Left reverse vertical maxrows keys samplen 1.2 spacing 1.15 \
	width 1 noenhanced
plot for [w in present] NaN with boxes fc rgb colour[int(w)] title kind[int(w)]
unset multiplot
set output
